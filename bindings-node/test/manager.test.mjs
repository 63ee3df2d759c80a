// The manager of this process, on simulated HELOs: what it tells and what it does.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { inspect } from 'node:util'

import Ajv from 'ajv/dist/2020.js'
import * as package_ from 'encoder-manager'
import { commands } from '../native.js'
import { fleet, QUICK, REQUEST, until } from './support/fleet.mjs'

const { ConflictError, Manager, MonitoringSystem, NotFoundError, policies, ShuttingDownError } =
  package_

const api = JSON.parse(readFileSync(new URL('../../tests/vectors/api.json', import.meta.url)))
const openapi = JSON.parse(
  readFileSync(new URL('../../tests/vectors/openapi.json', import.meta.url)),
)
const ajv = new Ajv({ strict: false, validateFormats: false })
ajv.addSchema({ $id: 'openapi', components: openapi.components })

const STALE = { code: 'revision_mismatch', constructor: package_.RevisionMismatchError }

/** Holds a document against its schema in the server's description. */
function isDocument(name, document) {
  const matches = ajv.getSchema(`openapi#/components/schemas/${name}`)
  assert.ok(matches(document), `${name}: ${ajv.errorsText(matches.errors)}`)
}

describe('manager', () => {
  let helos, manager, close
  before(async () => ({ helos, manager, close } = await fleet(2)))
  after(() => close())

  it('has a method for every command, and no more commands than that', () => {
    const own = { stream: 'streamDocument', streams: 'streamDocuments' }
    const camel = (name) => name.replace(/_(.)/g, (_, letter) => letter.toUpperCase())
    for (const name of [...api.reads, ...api.acts]) {
      assert.ok((own[name] ?? camel(name)) in Manager.prototype, name)
    }
    const functions = Object.keys(policies).filter((name) => name !== '__esModule')
    assert.deepEqual(functions.sort(), api.computations.map(camel).sort())
    for (const kind of ['reads', 'acts', 'computations'])
      assert.deepEqual(commands()[kind], api[kind])
  })

  it('answers reads with the documents of the server', () => {
    for (const encoder of manager.encoders()) isDocument('Encoder', encoder)
    isDocument('Encoder', manager.encoder('helo-1'))
    isDocument('EncoderStatus', manager.encoderStatus('helo-1'))
    isDocument('EncoderMetrics', manager.encoderMetrics('helo-1'))
    isDocument('EncoderHealthAnswer', manager.encoderHealth('helo-1'))
    isDocument('FleetCounts', manager.fleetCounts())
    isDocument('EncoderAssignments', manager.assignments('helo-1'))
    isDocument('LoadBalancer', manager.loadBalancer())
    isDocument('Thermal', manager.thermal('helo-1'))
    assert.equal(manager.thermals().length, 2)
    isDocument('Storage', manager.storage('helo-1'))
    assert.deepEqual(manager.alertSinks(), [])
    assert.deepEqual(manager.silences(), [])
    assert.deepEqual(manager.notices({ state: 'dead_letter' }), [])
    for (const alert of manager.alerts()) isDocument('Alert', alert)
    assert.equal(manager.config.watch.active_interval_ms, QUICK.watch.active_interval_ms)
    assert.match(manager.renderMetrics(), /^# HELP encoder_/m)
    assert.equal(manager.isReady(), true)
  })

  it('answers acts with the documents of the server', async () => {
    isDocument('EncoderHealthAnswer', await manager.monitorEncoder('helo-1'))
    isDocument('ControlOutcome', await manager.control('helo-1', 'start_recording'))
    isDocument('ControlOutcome', await manager.control('helo-1', { action: 'stop_recording' }))
    isDocument('Thermal', await manager.coolDown('helo-2'))
    isDocument('History', await manager.history({ encoder_id: 'helo-1', step_seconds: 10 }))
    isDocument('ErrorAnalysisDto', await manager.errorAnalysis())
    const performance = await manager.performance()
    assert.equal(performance.encoders.length, 2)
    for (const one of performance.encoders) isDocument('EncoderPerformance', one)
    for (const error of manager.errors({ encoder_id: 'helo-1' })) isDocument('OccurrenceDto', error)
    const verdict = await manager.authorizePublisher({ stream_key: 'unknown' })
    assert.equal(verdict.stream_id, null)
  })

  it('silences alerts', async () => {
    const until = new Date(Date.now() + 60_000).toISOString()
    const silence = await manager.silenceAlerts({
      match: { encoder: ['helo-1'] },
      until,
      reason: 'a test',
    })
    isDocument('Silence', silence)
    assert.equal(manager.silences().length, 1)
    isDocument('Silence', await manager.endSilence(silence.silence_id))
    await assert.rejects(manager.acknowledgeAlert('alt_01a2170a7e777057bf645dd492f1fab5'), {
      code: 'not_found',
    })
    await assert.rejects(manager.testAlertSink('nobody'), { code: 'not_found' })
  })

  it('adds, changes and removes encoders', async () => {
    const [, spare] = helos.encoders()
    const added = await manager.addEncoder({ ...spare, encoder_id: 'spare', weight: 2 })
    isDocument('Encoder', added)
    await assert.rejects(manager.addEncoder({ ...spare, encoder_id: 'spare' }), {
      code: 'already_exists',
      constructor: package_.AlreadyExistsError,
    })
    const changed = await manager.updateEncoder('spare', {
      ...spare,
      encoder_id: 'spare',
      weight: 3,
    })
    assert.equal(changed.weight, 3)
    await manager.removeEncoder('spare', { drain: true })
    assert.throws(() => manager.encoder('spare'), NotFoundError)
  })

  it('changes an encoder only as it was read', async () => {
    const [, helo] = helos.encoders()
    const spare = { ...helo, encoder_id: 'spare' }
    const read = await manager.addEncoder(spare)
    const update = (weight, { revision: expectRevision }) =>
      manager.updateEncoder('spare', { ...spare, weight }, { expectRevision })
    const written = await update(2, read)
    assert.ok(written.revision > read.revision)
    await assert.rejects(update(3, read), STALE)
    const row = manager.encoders().find(({ encoder_id }) => encoder_id === 'spare')
    assert.deepEqual([row.weight, row.revision], [2, written.revision])
    assert.equal((await update(3, row)).weight, 3)
    await manager.removeEncoder('spare')
  })

  it('says what is wrong by class, code and violations', async () => {
    assert.throws(
      () => manager.encoder('nobody'),
      (error) => {
        assert.ok(error instanceof NotFoundError)
        assert.equal(error.code, 'not_found')
        assert.equal(error.operation, 'encoder')
        assert.match(error.stack, /manager\.test\.mjs/)
        return true
      },
    )
    await assert.rejects(manager.startStream({ ...REQUEST, bitrate: 1, fps: 1_000 }), (error) => {
      assert.deepEqual(error.violations.map(({ field }) => field).sort(), ['bitrate', 'fps'])
      assert.match(error.stack, /manager\.test\.mjs/)
      return true
    })
    await assert.rejects(manager.control('helo-1', 'jump'), { code: 'validation_failed' })
  })

  it('carries a stream from its start to its end', async () => {
    const stream = await manager.startStream(REQUEST, { waitLive: true, streamId: 'str_of_test' })
    assert.equal(stream.id, 'str_of_test')
    assert.equal(stream.state, 'live')
    isDocument('Stream', stream.document())
    isDocument('StreamHealth', stream.health())
    assert.match(stream.streamKey, /^[\w-]{16,}$/)
    assert.equal(stream.revealKey(), stream.streamKey)
    assert.ok(!stream.document().stream_key.includes(stream.streamKey))
    assert.ok(!inspect(stream, { depth: 9 }).includes(stream.streamKey))
    assert.ok(!(JSON.stringify(stream) ?? '').includes(stream.streamKey))
    assert.equal(stream.rtmpUrl, 'rtmp://127.0.0.1:1/live')
    assert.deepEqual(
      manager.streams().map(({ id }) => id),
      ['str_of_test'],
    )

    isDocument('StreamConfigAnswer', await stream.update({ bitrate: 5_000_000 }))
    assert.equal(stream.document().config.bitrate, 5_000_000)
    await until('a backup is ready', () => stream.document().backup.ready)
    const old = { expectRevision: stream.document().revision - 1 }
    await assert.rejects(stream.update({ bitrate: 4_000_000 }, old), STALE)
    assert.equal(stream.document().config.bitrate, 5_000_000)
    await until('it changes as it was read', async () => {
      const { revision: expectRevision } = stream.document()
      // The manager writes to a young stream as well.
      const changing = stream.update({ bitrate: 4_000_000 }, { expectRevision })
      return changing.then(
        () => true,
        (error) => assert.equal(error.code, STALE.code),
      )
    })
    assert.equal(stream.document().config.bitrate, 4_000_000)
    await until('the backup is ready again', () => stream.document().backup.ready)
    const { from, to } = await stream.failover({ reason: 'a test' })
    await until('it moved', () => stream.document().primary.encoder_id === to)
    assert.notEqual(from, to)
    await stream.waitLive({ deadlineMs: 10_000 })
    for (const entry of await stream.timeline()) isDocument('TimelineEntry', entry)
    isDocument('Stream', await stream.stop())
    await until('it ended', () => stream.state === 'stopped')
    await assert.rejects(stream.failover(), { code: 'conflict' })
  })
})

describe('lifecycle', () => {
  it('goes from unopened to closed, and each once', async () => {
    const manager = new Manager()
    assert.equal(inspect(manager), 'Manager { unopened }')
    assert.throws(() => manager.encoders(), ConflictError)
    await assert.rejects(manager.monitorEncoder('a'), ConflictError)
    const [one, two] = await Promise.all([manager.open(), manager.open()])
    assert.equal(one, manager)
    assert.equal(two, manager)
    assert.equal(manager.state, 'open')
    const closing = manager.close()
    assert.equal(manager.state, 'closing')
    assert.deepEqual(await Promise.all([closing, manager.close()]), [true, true])
    assert.equal(manager.state, 'closed')
    assert.throws(() => manager.encoders(), ShuttingDownError)
    assert.throws(() => manager.events(), ShuttingDownError)
    await assert.rejects(manager.open(), ShuttingDownError)
    await assert.rejects(manager.addEncoder({}), ShuttingDownError)
  })

  it('can be closed without having been opened', async () => {
    const manager = new Manager()
    assert.equal(await manager.close(), true)
    await assert.rejects(manager.open(), ShuttingDownError)
  })

  it('can be opened after it failed to', async () => {
    const store = mkdtempSync(join(tmpdir(), 'encoder-manager-'))
    const manager = new Manager({ store: join(store, 'missing', 'fleet.db') })
    await assert.rejects(manager.open(), { code: 'store_unavailable' })
    assert.equal(manager.state, 'unopened')
    await assert.rejects(manager.open(), { code: 'store_unavailable' })
    await manager.close()
    rmSync(store, { recursive: true })
  })

  it('is closed by its end in the midst of an opening', async () => {
    const manager = new Manager()
    const opening = assert.rejects(manager.open(), ShuttingDownError)
    await manager.close()
    await opening
    assert.equal(manager.state, 'closed')
  })

  it('fails what is under way when it closes', async () => {
    const { helos, manager, close } = await fleet(1)
    helos.inject(0, 'stream_never_starts')
    const stream = await manager.startStream(REQUEST)
    const waiting = assert.rejects(stream.waitLive({ deadlineMs: 600_000 }), ShuttingDownError)
    await manager.close()
    await waiting
    await close()
  })

  it('is closed by `await using`', async () => {
    const manager = new Manager()
    await manager.open()
    await manager[Symbol.asyncDispose]()
    assert.equal(manager.state, 'closed')
  })

  it('keeps its records in a store', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'encoder-manager-'))
    const store = join(folder, 'fleet.db')
    const first = new Manager({
      store,
      encoders: [{ encoder_id: 'kept', address: 'http://127.0.0.1:1' }],
    })
    await first.open()
    await first.close()
    const second = new Manager({ store })
    await second.open()
    assert.deepEqual(
      second.encoders().map(({ encoder_id }) => encoder_id),
      ['kept'],
    )
    await second.close()
    rmSync(folder, { recursive: true })
  })

  it('names the option that is wrong by its path', async () => {
    const wrong = async (options, message) =>
      assert.rejects(async () => {
        const manager = new Manager(options)
        await manager.open().finally(() => manager.close())
      }, message)
    await wrong({ config: { watch: { timeout: 1 } } }, /config\.watch\.timeout/)
    await wrong({ aja: { profile: 'one' } }, /aja\.profile/)
    await wrong({ encoders: [{ address: 7 }] }, { code: 'validation_failed' })
    await wrong({ encoders: 7 }, /new Manager: encoders: must be a list/)
    await wrong({ encoder: [] }, /new Manager: encoder: there is no such option/)
    await wrong({ config: { drain_seconds: Number.NaN } }, /config\.drain_seconds: NaN has no JSON/)
  })
})

describe('monitoring system', () => {
  it('opens with the first encoder that is asked for', async () => {
    const { helos, close } = await fleet(1)
    const system = new MonitoringSystem({ encoders: helos.encoders(), config: QUICK })
    const answers = await Promise.all([
      system.monitorEncoder('helo-1'),
      system.monitorEncoder('helo-1'),
    ])
    for (const answer of answers) isDocument('EncoderHealthAnswer', answer)
    assert.equal(system.state, 'open')
    await assert.rejects(system.monitorEncoder('encoder_123'), NotFoundError)
    await system.close()
    await assert.rejects(system.monitorEncoder('helo-1'), ShuttingDownError)
    await close()
  })
})
