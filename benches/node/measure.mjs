// What the Node package costs, beside its floor or a peer in the same run.
//
//   make bench-node
//
// Prints a table, or with --json one object {name, samples, figures: [{what, unit, ours, peer, peer_name,
// ratio, goal, met}]}. Exit code 1 is a missed goal. The devices run in a process of their own; only the
// processor time of this one counts.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'

import { Manager } from 'encoder-manager'
import { Agent } from 'undici'

// The package's private half: a no-op as bare as its binding allows.
const require = createRequire(import.meta.url)
const { call, port } = require(join(dirname(require.resolve('encoder-manager')), 'bridge.js'))
const nothing = () => call(undefined, (id) => port.nothing(id))

const VALUES = JSON.parse(readFileSync(new URL('../values.json', import.meta.url)))
const SWEEP_SECONDS = 5

/** Simulated HELOs that count their requests. */
class Devices {
  static async spawn(program, count) {
    const devices = new Devices()
    devices.process = spawn(program, ['simulators', '--count', String(count)], { stdio: ['pipe', 'pipe', 'inherit'] })
    devices.lines = createInterface({ input: devices.process.stdout })[Symbol.asyncIterator]()
    devices.urls = JSON.parse((await devices.lines.next()).value)
    return devices
  }

  async requests() {
    this.process.stdin.write('\n')
    return Number((await this.lines.next()).value)
  }

  async end() {
    this.process.stdin.end()
    await once(this.process, 'exit')
  }

  encoders() {
    return this.urls.map((address, number) => ({ encoder_id: `helo-${number}`, address }))
  }
}

function figure(what, unit, ours, { peer = null, peerName = null, goal = null, met = null } = {}) {
  return { what, unit, ours, peer, peer_name: peerName, ratio: peer ? ours / peer : null, goal, met }
}

/** Seconds of processor time of this process so far, all threads. */
function cpu() {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

/** Microseconds of one call, the best of five rounds. */
async function perCall(call, times) {
  const rounds = []
  for (let round = 0; round < 5; round += 1) {
    const begun = performance.now()
    for (let done = 0; done < times; done += 1) await call()
    rounds.push((performance.now() - begun) / times)
  }
  return 1e3 * Math.min(...rounds)
}

function perRead(call, times) {
  const begun = performance.now()
  for (let done = 0; done < times; done += 1) call()
  return (1e3 * (performance.now() - begun)) / times
}

async function callOverhead(calls) {
  const manager = await new Manager().open()
  try {
    const floor = await perCall(nothing, calls)
    const act = await perCall(() => manager.authorizePublisher({ stream_key: "nobody's key" }), calls)
    const peer = { peer: floor, peerName: 'an awaited no-op' }
    return [
      figure('an awaited call', 'us', act, { ...peer, goal: 2 * floor, met: act <= 2 * floor }),
      figure('a read, isReady', 'us', perRead(() => manager.isReady(), calls)),
      figure('a read, fleetCounts', 'us', perRead(() => manager.fleetCounts(), calls)),
    ]
  } finally {
    await manager.close()
  }
}

/** Encoders that were heard of, and still are. */
function answering({ total, offline, unknown }) {
  return total - offline - unknown
}

/** What watching costs, and what is told meanwhile. */
async function watched(devices, config, settle, span) {
  let told = 0
  let lost = 0
  const manager = await new Manager({ config, encoders: devices.encoders() }).open()
  const ending = new AbortController()
  const counting = (async () => {
    for await (const event of manager.events({ signal: ending.signal })) {
      if (event.event === 'lagged') lost += event.data.lost ?? 1
      else told += 1
    }
  })().catch(() => {})
  try {
    await sleep(settle * 1000)
    const [before, asked, used, begun] = [told, await devices.requests(), cpu(), performance.now()]
    await sleep(span * 1000)
    const passed = (performance.now() - begun) / 1000
    return {
      cpu: (cpu() - used) / passed,
      requests: ((await devices.requests()) - asked) / passed,
      events: (told - before) / passed,
      lost,
      answering: answering(manager.fleetCounts()),
    }
  } finally {
    ending.abort()
    await counting
    await manager.close()
  }
}

/** One sweep of the loop over every value of every device: its processor time. */
async function swept(devices) {
  const [asked, used] = [await devices.requests(), cpu()]
  const agent = new Agent({ connections: 1 })
  const read = async (url) => {
    for (const value of VALUES) {
      const path = `/config?action=get&paramid=eParamID_${value}`
      const { body } = await agent.request({ origin: url, path, method: 'GET' })
      await body.json()
    }
  }
  // As many devices at once as the loop of the Python bench has connections.
  const waiting = [...devices.urls]
  const reader = async () => {
    for (let url = waiting.pop(); url !== undefined; url = waiting.pop()) await read(url)
  }
  await Promise.all(Array.from({ length: 100 }, reader))
  const result = { cpu: cpu() - used, requests: (await devices.requests()) - asked }
  await agent.close()
  return result
}

async function watching(devices, settle, span) {
  const count = devices.urls.length
  const ours = await watched(devices, {}, settle, span)
  if (ours.answering !== count) throw new Error(`only ${ours.answering} of ${count} encoders answer`)
  const peer = await swept(devices)
  const perSweep = ours.cpu * SWEEP_SECONDS
  return [
    figure(`${count} encoders: processor time per ${SWEEP_SECONDS} s`, 's', perSweep, {
      peer: peer.cpu,
      peerName: `undici reading ${VALUES.length} values of each`,
      goal: peer.cpu / 5,
      met: perSweep <= peer.cpu / 5,
    }),
    figure('processor time per request', 'us', (1e6 * ours.cpu) / ours.requests, {
      peer: (1e6 * peer.cpu) / peer.requests,
      peerName: 'undici',
    }),
  ]
}

/** A thousand events a second: every encoder is looked at, and told of, each second. */
async function telling(devices, settle, span) {
  const config = { watch: { idle_interval_ms: 900, report_interval_ms: 900 } }
  const { events, lost } = await watched(devices, config, settle, span)
  return [
    figure('events told', '1/s', events, { goal: 1000, met: events >= 1000 && lost === 0 }),
    figure('events lost', '', lost, { goal: 0, met: lost === 0 }),
  ]
}

function show({ figures }) {
  for (const { what, unit, ours, peer, peer_name, ratio, goal, met } of figures) {
    const beside = peer === null ? '' : `${peer_name}: ${peer.toPrecision(3)} ${unit} (x${ratio.toFixed(2)})`
    const aim = goal === null ? '' : `goal ${goal.toPrecision(3)} ${met ? 'met' : 'MISSED'}`
    console.log(`${what.padEnd(55)} ${ours.toPrecision(3).padStart(10)} ${unit.padEnd(4)} ${aim.padEnd(20)} ${beside}`)
  }
}

const { values: chosen } = parseArgs({
  options: {
    simulators: { type: 'string', default: new URL('../../target/release/encoder-benches', import.meta.url).pathname },
    encoders: { type: 'string', default: '1000' },
    // A minute holds one of every request.
    seconds: { type: 'string', default: '60' },
    'settle-seconds': { type: 'string', default: '20' },
    calls: { type: 'string', default: '2000' },
    json: { type: 'boolean', default: false },
  },
})
const [settle, span] = [Number(chosen['settle-seconds']), Number(chosen.seconds)]
const figures = await callOverhead(Number(chosen.calls))
const devices = await Devices.spawn(chosen.simulators, Number(chosen.encoders))
try {
  figures.push(...(await watching(devices, settle, span)))
  figures.push(...(await telling(devices, settle, span)))
} finally {
  await devices.end()
}
const report = { name: 'node', samples: devices.urls.length, figures }
if (chosen.json) console.log(JSON.stringify(report))
else show(report)
process.exitCode = figures.some(({ met }) => met === false) ? 1 : 0
