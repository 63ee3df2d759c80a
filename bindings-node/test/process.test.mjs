// How managers and the process live and die together: each in a process of its own.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

import { json, stub } from './support/stub.mjs'

const here = fileURLToPath(new URL('..', import.meta.url))
const DEADLINE_MS = 30_000

const PRELUDE = `
  import { once } from 'node:events'
  import { setTimeout as pause } from 'node:timers/promises'
  import { Worker } from 'node:worker_threads'
  import { Manager, Simulator } from 'encoder-manager'
  const encoders = [{ encoder_id: 'a', address: 'http://127.0.0.1:1' }]
  const watch = { idle_interval_ms: 50, retry_interval_ms: 50, silent_interval_ms: 50, report_interval_ms: 100 }
  const config = { watch, drain_seconds: 2 }
`

/** Runs a program until it ends by itself; killed and failed when it does not in time. */
async function run(code, { prelude = PRELUDE, args = [], env = {} } = {}) {
  const program = ['--input-type=module', ...args, '--eval', prelude + code]
  const child = spawn(process.execPath, program, {
    cwd: here,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const late = setTimeout(() => child.kill('SIGKILL'), DEADLINE_MS)
  const texts = [child.stdout, child.stderr].map((stream) => stream.setEncoding('utf8').toArray())
  const [status, signal] = await once(child, 'exit')
  clearTimeout(late)
  const [out, err] = (await Promise.all(texts)).map((pieces) => pieces.join(''))
  assert.equal(signal, null, `ended by ${signal}, said: ${out}${err}`)
  return { status, out: out.trim(), err }
}

async function succeeds(code, options) {
  const { status, out, err } = await run(code, options)
  assert.equal(status, 0, err)
  return out
}

describe('the process', () => {
  it('ends by itself once everything is closed', async () => {
    const out = await succeeds(`
      const helos = await Simulator.start({ count: 1, fast: true })
      const manager = new Manager({ encoders: helos.encoders(), config })
      manager.on('health_update', () => {})
      await manager.open()
      const feed = manager.events()
      await feed.next()
      const pending = manager.events({ stream: 'str_nobody' }).next()
      await manager.close()
      await helos.close()
      console.log((await pending).done)`)
    assert.equal(out, 'true')
  })

  it('ends by itself when a manager was never opened, or could not be', async () => {
    const out = await succeeds(`
      new Manager({ encoders })
      const manager = new Manager({ store: '/nowhere/at/all.db' })
      await manager.open().catch(({ code }) => console.log(code))`)
    assert.equal(out, 'store_unavailable')
  })

  it('lives as long as a manager is open', async () => {
    const out = await succeeds(
      `
      await new Manager({ encoders, config }).open()
      setTimeout(() => {
        gc()
        setTimeout(() => {
          console.log('still here')
          process.exit()
        }, 200).unref()
      }, 200).unref()`,
      { args: ['--expose-gc'] },
    )
    assert.equal(out, 'still here')
  })

  it('waits for calls that fail because their manager closes', async () => {
    const out = await succeeds(`
      const helos = await Simulator.start({ count: 1, fast: true })
      const manager = new Manager({ encoders: helos.encoders(), config })
      await manager.open()
      while (manager.fleetCounts().online === 0) await pause(10)
      helos.inject(0, 'stream_never_starts')
      const stream = await manager.startStream({ resolution: '1280x720', bitrate: 4e6, fps: 30,
        destination: { url: 'rtmp://127.0.0.1:1/live' } })
      await helos.close()
      const given = stream.waitLive({ deadlineMs: 600_000 }).catch(({ code }) => code)
      void manager.close()
      console.log(await given)`)
    assert.equal(out, 'shutting_down')
  })

  it('may exit with everything open and under way', async () => {
    const { status, err } = await run(`
      const drivers = { slow: () => ({ status: () => new Promise(() => {}), configure() {}, start() {}, stop() {} }) }
      const slow = { encoder_id: 's', driver: 'slow', address: 'x' }
      const helos = await Simulator.start({ count: 2, fast: true })
      const manager = new Manager({ encoders: [...helos.encoders(), slow], drivers, config })
      await manager.open()
      manager.on('health_update', () => {})
      void manager.events().next()
      void manager.monitorEncoder('s')
      void manager.monitorEncoder('helo-1')
      void new Manager({ config }).open()
      await pause(100)
      process.exit(7)`)
    assert.equal(status, 7, err)
    assert.equal(err, '')
  })

  it('dies of what a listener throws, as of any uncaught error', async () => {
    const { status, err } = await run(`
      const manager = new Manager({ encoders, config })
      manager.on('health_update', () => { throw new Error('a defect of the listener') })
      await manager.open()`)
    assert.equal(status, 1)
    assert.match(err, /a defect of the listener/)
  })

  it('may leave a loop by an error, and the manager goes on', async () => {
    const out = await succeeds(`
      const manager = new Manager({ encoders, config })
      await manager.open()
      try {
        for await (const _ of manager.events()) throw new Error('enough')
      } catch (error) { console.log(error.message) }
      console.log(manager.state)
      await manager.close()`)
    assert.equal(out, 'enough\nopen')
  })
})

// Only its workers load the native module, so that the last of them takes it along.
const WORKERS = `
  import { once } from 'node:events'
  import { setTimeout as pause } from 'node:timers/promises'
  import { Worker } from 'node:worker_threads'
  const begin = (code) => new Worker(\`(async () => {
    const { parentPort } = require('node:worker_threads')
    const { Manager } = require('encoder-manager')
    const watch = { idle_interval_ms: 50, retry_interval_ms: 50, silent_interval_ms: 50, report_interval_ms: 100 }
    const config = { watch, drain_seconds: 2 }
    const encoders = [{ encoder_id: 'a', address: process.env.DEVICE ?? 'http://127.0.0.1:1' }]
    \${code}
  })()\`, { eval: true, execArgv: [] })
`

describe('workers', () => {
  it('each have managers of their own, and end with them', async () => {
    const out = await succeeds(
      `
      const workers = [1, 2, 3].map(() => begin(\`
        const manager = new Manager({ encoders, config })
        await manager.open()
        await manager.events().next()
        await manager.close()
        parentPort.postMessage(manager.state)\`))
      const said = await Promise.all(workers.map(async (worker) => {
        const exit = once(worker, 'exit')
        const [state] = await once(worker, 'message')
        return [state, (await exit)[0]].join(' ')
      }))
      console.log(said.join(', '))`,
      { prelude: WORKERS },
    )
    assert.equal(out, 'closed 0, closed 0, closed 0')
  })

  it('may be terminated with everything open and under way', async () => {
    const out = await succeeds(
      `
      for (let round = 0; round < 8; round += 1) {
        const worker = begin(\`
          const drivers = { slow: () => ({ status: () => new Promise(() => {}), configure() {}, start() {}, stop() {} }) }
          const slow = { encoder_id: 's', driver: 'slow', address: 'x' }
          const manager = new Manager({ encoders: [...encoders, slow], drivers, config })
          manager.on('health_update', () => parentPort.postMessage('up'))
          await manager.open()
          void manager.monitorEncoder('s')
          void manager.events({ stream: 'str_nobody' }).next()
          parentPort.postMessage('up')
          void new Manager({ encoders, config }).open()\`)
        await once(worker, 'message')
        await worker.terminate()
      }
      await pause(300)
      console.log('alive')`,
      { prelude: WORKERS },
    )
    assert.equal(out, 'alive')
  })

  it('take their managers along', async () => {
    const device = await stub(json({}))
    await succeeds(
      `
      const worker = begin(\`
        const manager = new Manager({ encoders, config })
        await manager.open()
        for await (const { event } of manager.events()) if (event === 'health_update') break
        parentPort.postMessage('up')\`)
      await once(worker, 'message')
      await worker.terminate()
      await fetch(process.env.DEVICE + '/terminated')
      await pause(2_000)
      await fetch(process.env.DEVICE + '/end')`,
      { prelude: WORKERS, env: { DEVICE: device.url } },
    )
    const at = (path) => device.requests.find(({ url }) => url === path).at
    const [terminated, end] = [at('/terminated'), at('/end')]
    const asked = device.requests.filter(({ url }) => !/enough|terminated|end/.test(url))
    assert.ok(
      asked.some((request) => request.at < terminated),
      'it was watched',
    )
    // What was under way may still arrive; then nothing does.
    const last = Math.max(...asked.map((request) => request.at))
    assert.ok(last < end - 1_000, `still asked ${end - last} ms before the end`)
    await device.close()
  })
})
