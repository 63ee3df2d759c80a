// The client against a real server.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'

import { Client, fromProblem } from 'encoder-manager/server'

import { startDemo } from './support/demo.mjs'

const openapi = JSON.parse(
  readFileSync(new URL('../../tests/vectors/openapi.json', import.meta.url)),
)
const url = 'rtmp://ingest.demo.example/live'
const request = {
  resolution: '1280x720',
  bitrate: 4_500_000,
  fps: 30,
  name: 'Node',
  destination: { url, personality: 'takeover' },
}

const collect = async (items) => {
  const all = []
  for await (const item of items) all.push(item)
  return all
}

describe('a real server', () => {
  let demo
  let client
  before(async () => {
    demo = await startDemo()
    client = new Client(demo)
    // The demo's streams take every encoder; half of them is for what is tested here.
    for await (const { name, stream_id } of client.streams.all()) {
      if (name === 'Press room') await client.streams.stop(stream_id)
    }
  })
  after(() => demo?.stop())

  it('describes itself as it is described here', async () => {
    const anybody = new Client({ url: demo.url })
    assert.deepEqual(await anybody.openapi(), openapi)
    assert.equal((await anybody.alive()).status, 'ok')
    assert.equal((await anybody.ready()).status, 'ok')
  })

  it('gives lists in pages', async () => {
    const all = await collect(client.encoders.all({ limit: 4 }))
    const ids = all.map(({ encoder_id }) => encoder_id)
    assert.deepEqual(ids, ['helo-1', 'helo-2', 'helo-3', 'helo-4', 'helo-5', 'helo-6'])
    const page = await client.encoders.list({ limit: 4 })
    assert.equal(page.items.length, 4)
    const rest = await client.encoders.list({ limit: 4, cursor: page.next_cursor })
    assert.equal(rest.next_cursor, null)
  })

  it('starts a stream once, however often it is asked under one key', async () => {
    const options = { idempotencyKey: 'node-test-1', waitLive: true }
    const stream = await client.streams.start(request, options)
    assert.equal(stream.state, 'live')
    const again = await client.streams.start(request, options)
    assert.deepEqual(again, stream)
    const other = client.streams.start({ ...request, fps: 25 }, options)
    await assert.rejects(other, { name: 'IdempotencyKeyReusedError' })

    const id = stream.stream_id
    const masked = await client.streams.get(id)
    assert.notEqual(masked.stream_key, stream.stream_key)
    const shown = await client.streams.get(id, { reveal: 'key' })
    assert.equal(shown.stream_key, stream.stream_key)
    assert.equal((await client.streams.stop(id)).state, 'stopped')
    await assert.rejects(client.streams.waitLive(id), { name: 'ConflictError' })
  })

  it('moves a stream, and tells of it', async () => {
    const { stream_id: id } = await client.streams.start(request)
    await client.streams.waitLive(id)
    const feed = client.events({ streamId: id, signal: AbortSignal.timeout(30_000) })
    const opening = feed.next()
    const deadline = performance.now() + 20_000
    for (;;) {
      const { backup } = await client.streams.health(id)
      if (backup.ready) break
      assert.ok(performance.now() < deadline, `the backup is not ready: ${backup.reasons}`)
      await pause(200)
    }
    const accepted = await client.streams.failover(id, { reason: 'a test' })
    const phases = []
    for (let next = await opening; !phases.includes('completed'); next = await feed.next()) {
      const { event, data } = next.value
      if (event === 'stream_failover' && data.incident_id === accepted.incident_id) {
        phases.push(data.phase)
        assert.deepEqual([data.from, data.to], [accepted.from, accepted.to])
      }
      assert.notEqual(data.phase, 'failed')
    }
    const moved = await client.streams.get(id)
    assert.equal(moved.primary.encoder_id, accepted.to)
    const timeline = await collect(client.streams.wholeTimeline(id, { limit: 2 }))
    assert.ok(timeline.some(({ incident_id }) => incident_id === accepted.incident_id))
    await client.streams.stop(id)
  })

  it('changes what is still as it was read', async () => {
    const address = 'http://127.0.0.1:9'
    const spare = { encoder_id: 'spare', address, maintenance: true }
    await client.encoders.add(spare)
    await assert.rejects(client.encoders.add(spare), { name: 'AlreadyExistsError' })
    const read = await client.encoders.get('spare')
    const written = await client.encoders.update(
      'spare',
      { ...spare, name: 'B' },
      { ifMatch: read },
    )
    assert.equal(written.name, 'B')
    const late = client.encoders.update('spare', { ...spare, name: 'C' }, { ifMatch: read })
    await assert.rejects(late, { name: 'RevisionMismatchError', code: 'revision_mismatch' })
    await client.encoders.update('spare', { ...spare, name: 'D' }, { ifMatch: written })
    await client.encoders.remove('spare')
    await assert.rejects(client.encoders.get('spare'), {
      name: 'NotFoundError',
      operation: 'encoders.get',
      retry: 'never',
    })
  })

  it('says what is wrong with a request', async () => {
    const wrong = { ...request, bitrate: 1, resolution: 'huge' }
    const error = await client.streams.start(wrong).catch((error) => error)
    assert.equal(error.name, 'ValidationFailedError')
    const fields = error.violations.map(({ field }) => field).sort()
    assert.deepEqual(fields, ['bitrate', 'resolution'])
    assert.match(error.context.request_id, /^req_/)
  })

  it('commands encoders one by one and together', async () => {
    const outcome = await client.encoders.control('helo-5', { action: 'enter_maintenance' })
    assert.equal(outcome.accepted, true)
    const bulk = { encoder_ids: ['helo-5', 'nobody'], action: 'leave_maintenance' }
    const { results } = await client.encoders.bulk(bulk)
    assert.equal(results[0].outcome.encoder_id, 'helo-5')
    assert.equal(fromProblem(results[1].problem).name, 'NotFoundError')
  })

  it('lets a key do what its scope says, until it is revoked', async () => {
    const made = await client.keys.create({ name: 'watcher', scope: 'read' })
    const watcher = new Client({ url: demo.url, apiKey: made.key })
    const { items } = await watcher.streams.list()
    const stopping = watcher.streams.stop(items[0].stream_id)
    await assert.rejects(stopping, { name: 'ScopeInsufficientError' })
    const feed = watcher.events({ lastEventId: 0, signal: AbortSignal.timeout(20_000) })
    await feed.next()
    await client.keys.revoke(made.key_id)
    const ending = collect(feed)
    await assert.rejects(ending, { name: 'KeyRevokedError', retry: 'never' })
    await assert.rejects(watcher.streams.list(), { name: 'KeyRevokedError' })
    const kept = await collect(client.keys.all())
    assert.ok(kept.find(({ key_id }) => key_id === made.key_id).revoked_at)
    const nobody = new Client({ url: demo.url, apiKey: 'em_nobody' })
    await assert.rejects(nobody.streams.list(), { name: 'KeyMalformedError' })
    const audit = await client.audit({ action: 'POST /api/keys' })
    assert.ok(audit.items.length > 0)
  })

  it('keeps silence when it is told to', async () => {
    const until = new Date(Date.now() + 60_000).toISOString()
    const match = { category: ['storage'] }
    const silence = await client.monitoring.alerts.silence({ match, until, reason: 'a test' })
    const ids = async () => {
      const { items } = await client.monitoring.alerts.silences()
      return items.filter(({ state }) => state === 'active').map(({ silence_id }) => silence_id)
    }
    assert.deepEqual(await ids(), [silence.silence_id])
    await client.monitoring.alerts.endSilence(silence.silence_id)
    assert.deepEqual(await ids(), [])
  })

  it('answers everything that can be asked of it', async () => {
    const { monitoring, encoders } = client
    assert.equal((await encoders.counts()).total, 6)
    assert.equal((await encoders.health('helo-2')).encoder.encoder_id, 'helo-2')
    assert.equal((await encoders.status('helo-2')).encoder_id, 'helo-2')
    assert.equal((await encoders.metrics('helo-2')).encoder_id, 'helo-2')
    const alerts = await monitoring.alerts.list({ category: 'stream' })
    assert.ok(alerts.items.every(({ category }) => category === 'stream') && alerts.items.length)
    assert.ok((await monitoring.alerts.acknowledge(alerts.items[0].alert_id)).alert_id)
    assert.ok(Array.isArray((await monitoring.alerts.notifications()).items))
    assert.ok(Array.isArray((await monitoring.alerts.sinks()).items))
    assert.equal((await monitoring.loadBalancer()).encoders.length, 6)
    assert.equal((await monitoring.thermal.status()).encoders.length, 6)
    assert.equal((await monitoring.thermal.get('helo-2')).encoder_id, 'helo-2')
    assert.equal((await monitoring.assignments('helo-2')).encoder_id ?? 'helo-2', 'helo-2')
    assert.ok((await monitoring.status()).status)
    assert.ok((await monitoring.health()).status)
    assert.ok((await monitoring.metrics()).metrics.length)
    assert.match(await monitoring.prometheus(), /^# HELP /m)
    assert.ok(Object.keys(await monitoring.streams()).length)
    for (const part of ['storage', 'performance', 'errors', 'certificates']) {
      assert.equal(typeof (await monitoring[part]()), 'object')
    }
    const { stream_id } = (await client.streams.list({ limit: 1 })).items[0]
    await assert.rejects(client.streams.thumbnail(stream_id), { code: 'thumbnail_unavailable' })
  })

  it('sends the frames that are typed by hand', async () => {
    const { schemas } = openapi.components
    const stamp = ['sequence', 'timestamp']
    const required = {
      stream_health: schemas.StreamHealth.required,
      health_update: schemas.EncoderHealth.required.filter((key) => key !== 'streaming'),
      stream_error: ['stream_id', 'encoder_id', 'code', 'severity', 'message'],
      stream_failover: ['stream_id', 'incident_id', 'phase', 'from', 'to', 'reason', 'elapsed_ms'],
      alert: schemas.Alert.required,
    }
    const missing = new Set(Object.keys(required))
    const feed = client.events({ lastEventId: 0, signal: AbortSignal.timeout(30_000) })
    for await (const { event, id, data } of feed) {
      assert.ok(Number.isInteger(id), `${event} has no id`)
      const lacking = [...stamp, ...required[event]].filter((key) => !(key in data))
      assert.deepEqual(lacking, [], event)
      missing.delete(event)
      if (missing.size === 0) break
    }
  })
})
