// What the native half logs, as records for listeners.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { inspect } from 'node:util'

import { LOG_LEVELS, Manager, onLog, ValidationFailedError } from 'encoder-manager'

import { NativePort } from '../native.js'
import { fleet, QUICK, REQUEST, until } from './support/fleet.mjs'
import { run } from './support/run.mjs'

const ABSENT = { encoder_id: 'absent', address: 'http://127.0.0.1:9' }

/** Opens a manager that logs at `debug` all the time, and closes it with the test. */
async function busy(test, count = 1, watch = QUICK.watch) {
  const encoders = Array.from({ length: count }, (_, place) => {
    return { ...ABSENT, encoder_id: `absent-${place}` }
  })
  const manager = await new Manager({ encoders, config: { ...QUICK, watch } }).open()
  test.after(() => manager.close())
}

/** A listener that keeps what it is told, until the test ends. */
function kept(test, options) {
  const records = []
  test.after(onLog((record) => records.push(record), options))
  return records
}

const some = (records) => until('something is logged', () => records.length > 0)

describe('the log', () => {
  it('is told with its facts, and does not change', async (test) => {
    const records = kept(test, { level: 'debug' })
    await busy(test)
    const ofWatcher = ({ target }) => target === 'encoder_core::fleet::watcher'
    const record = await until('a poll failed', () => records.find(ofWatcher))
    assert.deepEqual(Object.keys(record).sort(), ['fields', 'level', 'message', 'target', 'time'])
    assert.equal(record.level, 'debug')
    assert.equal(record.message, 'status poll failed')
    assert.equal(record.fields.encoder, 'absent-0')
    assert.ok(Math.abs(Date.parse(record.time) - Date.now()) < 60_000, record.time)
    assert.ok(Object.isFrozen(record) && Object.isFrozen(record.fields))
  })

  it('is told from the level on that a listener wants', async (test) => {
    const byLevel = LOG_LEVELS.map((level) => [level, kept(test, { level })])
    const unless = kept(test)
    const { manager, close } = await fleet(1)
    test.after(close)
    const stream = await manager.startStream(REQUEST, { waitLive: true })
    await stream.stop()
    const { debug, info } = Object.fromEntries(byLevel)
    await until('something is logged', () => info.length > 0 && debug.length > info.length)
    for (const [place, [level, records]] of byLevel.entries()) {
      const wanted = LOG_LEVELS.slice(0, place + 1)
      const wrong = records.filter((record) => !wanted.includes(record.level))
      assert.deepEqual(wrong, [], level)
    }
    assert.deepEqual(unless, info)
  })

  it('says what the work around a line is about', async (test) => {
    const records = kept(test, { level: 'debug' })
    const { manager, close } = await fleet(1)
    test.after(close)
    const stream = await manager.startStream(REQUEST, { waitLive: true })
    const ofDriver = ({ target, fields }) =>
      target.startsWith('encoder_aja') && fields.stream === stream.id
    await until('a request for the stream', () => records.some(ofDriver))
  })

  it('shows neither passwords nor keys of streams', async (test) => {
    const secrets = ['pass-0123456789', 'key-0123456789', 'wrong-0123456789']
    const records = kept(test, { level: 'trace' })
    const { helos, manager, close } = await fleet(1, {}, { password: secrets[0] })
    test.after(close)
    await manager.addEncoder({ ...helos.encoders()[0], encoder_id: 'no', password: secrets[2] })
    const url = `rtmp://127.0.0.1:1/live`
    const destination = { url, stream_key: secrets[1] }
    const stream = await manager.startStream({ ...REQUEST, destination }, { waitLive: true })
    await until('a wrong password', () => records.some(({ fields }) => fields.encoder === 'no'))
    await stream.stop()
    const told = inspect(records, { depth: Infinity, maxArrayLength: Infinity })
    for (const secret of secrets) assert.ok(!told.includes(secret), secret)
  })

  it('goes on without a listener that was stopped', async (test) => {
    const stopped = []
    const stop = onLog((record) => stopped.push(record), { level: 'debug' })
    const [self, records] = [[], kept(test, { level: 'debug' })]
    const first = onLog(
      (record) => {
        self.push(record)
        first()
      },
      { level: 'debug' },
    )
    await busy(test)
    await some(stopped)
    await some(self)
    stop()
    stop[Symbol.dispose]()
    const before = [stopped.length, records.length]
    await until('more is logged', () => records.length > before[1] + 5)
    assert.equal(stopped.length, before[0])
    assert.equal(self.length, 1)
  })

  it('is not told to a listener that another one has just stopped', async (test) => {
    const told = []
    test.after(onLog(() => stop(), { level: 'debug' }))
    const stop = onLog((record) => told.push(record), { level: 'debug' })
    const records = kept(test, { level: 'debug' })
    await busy(test)
    await some(records)
    assert.deepEqual(told, [])
  })

  it('leaves the native half only as far as somebody wants it', async (test) => {
    const asked = test.mock.method(NativePort.prototype, 'log')
    const stops = ['warn', 'debug', 'error', 'debug'].map((level) => onLog(() => {}, { level }))
    for (const stop of stops) stop()
    const levels = asked.mock.calls.map(({ arguments: [level] }) => level)
    assert.deepEqual(levels, ['warn', 'debug', undefined])
  })

  it('leaves the native half for each port as far as that wants it', async (test) => {
    const [one, other] = [[], []]
    const ports = [one, other].map((lines) => new NativePort((kind, _, text) => lines.push(text)))
    test.after(() => ports.forEach((port) => port.log()))
    ports[0].log('debug')
    ports[1].log('error')
    await busy(test)
    await some(one)
    ports[0].log()
    // What was on its way arrives first.
    await pause(100)
    const before = one.length
    await pause(300)
    assert.equal(one.length, before)
    assert.ok(other.every((text) => JSON.parse(text).level === 'error'))
    const refused = { message: /"code":"validation_failed".*there is no level loud/ }
    assert.throws(() => ports[0].log('loud'), refused)
  })

  it('stays quiet when the last listener has been stopped, and begins anew', async (test) => {
    await busy(test)
    const records = []
    const stop = onLog((record) => records.push(record), { level: 'debug' })
    await some(records)
    stop()
    const before = records.length
    await pause(300)
    assert.equal(records.length, before)
    await some(kept(test, { level: 'debug' }))
  })

  it('counts the lines that a busy program does not take, and tells it', async (test) => {
    const often = Object.fromEntries(Object.keys(QUICK.watch).map((name) => [name, 10]))
    const records = kept(test, { level: 'debug' })
    await busy(test, 50, { ...QUICK.watch, ...often })
    await some(records)
    const lost = () => records.find(({ message }) => /were lost/.test(message))
    const blocked = await until('lines are lost', async () => {
      const begin = Date.now()
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2_000)
      const end = Date.now()
      await pause(100)
      return lost() && { begin, end }
    })
    const { level, message, fields, time } = lost()
    assert.equal(level, 'warn')
    assert.match(message, /^[1-9]\d* log lines were lost: /)
    assert.equal(fields.lost, /^\d+/.exec(message)[0])
    assert.ok(Date.parse(time) >= blocked.end)
    const waited = records
      .map(({ time }) => Date.parse(time))
      .filter((at) => at > blocked.begin && at < blocked.end)
    assert.ok(waited.length > 500 && waited.length <= 1000, `${waited.length} lines waited`)
  })

  for (const [name, given, field] of [
    ['no function', ['text'], 'listener'],
    ['nothing', [], 'listener'],
    ['no such level', [() => {}, { level: 'loud' }], 'level'],
    ['a level that is no text', [() => {}, { level: 2 }], 'level'],
    ['null for a level', [() => {}, { level: null }], 'level'],
    ['an unknown option', [() => {}, { target: 'encoder_aja' }], 'target'],
    ['options that are none', [() => {}, 'debug'], 'options'],
  ]) {
    it(`refuses ${name}`, () => {
      const refused = (error) =>
        error instanceof ValidationFailedError && error.violations[0].field === field
      assert.throws(() => onLog(...given), refused)
    })
  }
})

const HEAD = `
  import { once } from 'node:events'
  import { setTimeout as pause } from 'node:timers/promises'
  import { Worker } from 'node:worker_threads'
  import { Manager, onLog } from 'encoder-manager'
  import { QUICK, until } from './test/support/fleet.mjs'
  const encoders = [${JSON.stringify(ABSENT)}]
  const manager = await new Manager({ encoders, config: QUICK }).open()
  const level = 'debug'
`

const ends = async (code) => {
  const { end, out } = await run(HEAD + code)
  assert.equal(end, 0, out)
  return out
}

describe('a program', () => {
  it('that does not listen hears nothing', async () => {
    const out = await ends(`
      await pause(300)
      await manager.close()`)
    assert.equal(out, '')
  })

  it('is not kept alive by its listeners', async () => {
    const out = await ends(`
      let heard = 0
      onLog(() => (heard += 1), { level })
      await until('something is logged', () => heard > 0)
      await manager.close()
      console.log('over')`)
    assert.equal(out, 'over')
  })

  it('dies of what a listener throws, as of any uncaught error', async () => {
    const { end, out } = await run(`${HEAD}
      onLog(() => { throw new Error('a defect of the listener') }, { level })`)
    assert.equal(end, 1)
    assert.match(out, /a defect of the listener/)
  })

  it('that catches what a listener throws goes on, and so do the listeners', async () => {
    const out = await ends(`
      let [caught, called, heard] = [0, 0, 0]
      process.on('uncaughtException', () => (caught += 1))
      onLog(() => { called += 1; throw new Error('a defect of the listener') }, { level })
      onLog(() => (heard += 1), { level })
      await until('more is logged', () => called > 3 && heard > 3 && caught > 3)
      await manager.close()
      await pause(50)
      console.log(caught === called && called === heard)`)
    assert.equal(out, 'true')
  })
})

describe('a worker', () => {
  const WORKER = `
    const { parentPort } = require('node:worker_threads')
    const { onLog } = require('encoder-manager')
    onLog(({ level }) => parentPort.postMessage(level), { level: 'debug' })
    setInterval(() => {}, 1000)`
  const BEGIN = `const worker = new Worker(${JSON.stringify(WORKER)}, { eval: true, execArgv: [] })`

  it('has listeners of its own', async () => {
    const out = await ends(`
      const mine = []
      onLog((record) => mine.push(record.level), { level: 'error' })
      ${BEGIN}
      const [heard] = await once(worker, 'message')
      await pause(200)
      console.log(heard, mine.includes('debug'))
      await worker.terminate()
      await manager.close()`)
    assert.equal(out, 'debug false')
  })

  it('takes its listeners along, and nobody elses', async () => {
    const out = await ends(`
      for (let round = 0; round < 8; round += 1) {
        ${BEGIN}
        await once(worker, 'message')
        await worker.terminate()
      }
      let heard = 0
      onLog(() => (heard += 1), { level })
      await until('more is logged', () => heard > 3)
      await manager.close()
      console.log('over')`)
    assert.equal(out, 'over')
  })
})
