// When requests are made again, against a server that fails on purpose.
import assert from 'node:assert/strict'
import { afterEach, describe, it } from 'node:test'

import { Client, RateLimitedError, ServerProtocolError } from 'encoder-manager/server'

import { halfAnswer, hangUp, json, problem, silence, stub } from './support/stub.mjs'

const FAST = { firstWaitMs: 1, longestWaitMs: 2_000 }
const counts = { total: 6, online: 6 }
const stream = { stream_id: 'str_1', state: 'starting' }
const request = { resolution: '1920x1080', bitrate: 8_000_000, fps: 30 }

describe('retries', () => {
  let server
  const servers = []
  afterEach(() => Promise.all(servers.splice(0).map((server) => server.close())))

  const client = async (...handlers) => {
    servers.push((server = await stub(...handlers)))
    return new Client({ url: server.url, apiKey: 'em_test', retry: FAST })
  }

  for (const [name, failure] of Object.entries({
    'a 429': problem(429, 'rate_limited'),
    'a 503': problem(503, 'not_leader'),
    'a 503 of a proxy': (_, response) => response.writeHead(503).end('<html>'),
    'a connection that hangs up': hangUp,
    'half an answer': halfAnswer,
  })) {
    it(`of what only reads, after ${name}`, async () => {
      const { encoders } = await client(failure, failure, json(counts))
      assert.deepEqual(await encoders.counts(), counts)
      assert.equal(server.requests.length, 3)
    })
  }

  it('stop after the last attempt, and say so', async () => {
    const { encoders } = await client(problem(503, 'store_unavailable'))
    const error = await encoders.counts().catch((error) => error)
    assert.equal(error.name, 'StoreUnavailableError')
    assert.equal(error.retry, 'exhausted')
    assert.equal(server.requests.length, 4)
    const once = await encoders.counts({ retry: { attempts: 1 } }).catch((error) => error)
    assert.equal(once.retry, 'safe')
    assert.equal(server.requests.length, 5)
  })

  for (const [status, code, name] of [
    [503, 'no_encoder_available', 'NoEncoderAvailableError'],
    [502, 'device_protocol', 'DeviceProtocolError'],
    [504, 'deadline_exceeded', 'DeadlineExceededError'],
    [500, 'unexpected', 'UnexpectedError'],
    [409, 'conflict', 'ConflictError'],
  ]) {
    it(`are not for ${code}`, async () => {
      const { streams } = await client(problem(status, code))
      const error = await streams.start(request).catch((error) => error)
      assert.deepEqual([error.name, error.retry], [name, 'never'])
      assert.equal(server.requests.length, 1)
    })
  }

  it('wait as long as Retry-After says, and give up when that is too long', async () => {
    const later = (seconds) => problem(429, 'rate_limited', {}, { 'retry-after': String(seconds) })
    const { encoders } = await client(later(1), json(counts), later(60))
    await encoders.counts()
    const [first, second] = server.requests
    assert.ok(second.at - first.at >= 990, `${second.at - first.at} ms`)
    const error = await encoders.counts().catch((error) => error)
    assert.ok(error instanceof RateLimitedError)
    assert.deepEqual(error.context, { status: '429', retry_after_seconds: '60' })
    assert.equal(error.retry, 'safe')
    assert.equal(server.requests.length, 3)
  })

  it('keep the idempotency key of a start, and make another for the next', async () => {
    const { streams } = await client(
      hangUp,
      problem(503, 'not_leader'),
      json(stream, { status: 201 }),
    )
    assert.deepEqual(await streams.start(request), stream)
    await streams.start(request)
    await streams.start(request, { idempotencyKey: 'mine' })
    const keys = server.requests.map(({ headers }) => headers['idempotency-key'])
    assert.equal(new Set(keys.slice(0, 3)).size, 1)
    assert.equal(new Set(keys).size, 3)
    assert.equal(keys.at(-1), 'mine')
    const bodies = server.requests.map(({ body }) => JSON.parse(body))
    for (const body of bodies) assert.deepEqual(body, request)
  })

  it('are never for a POST without a key, whatever happened to it', async () => {
    const failing = [hangUp, problem(429, 'rate_limited'), problem(503, 'not_leader')]
    const { streams, encoders, keys, monitoring } = await client(...failing, hangUp)
    const errors = []
    for (const call of [
      () => encoders.control('helo-1', { action: 'reboot' }),
      () => encoders.bulk({ encoder_ids: ['helo-1'], action: 'reboot' }),
      () => encoders.add({ address: 'http://10.0.0.21' }),
      () => streams.failover('str_1'),
      () => streams.drill('str_1'),
      () => keys.create({ name: 'ops', scope: 'read' }),
      () => monitoring.alerts.silence({ match: {}, until: '2030-01-01T00:00:00Z', reason: 'x' }),
      () => monitoring.alerts.testSink('mail'),
      () => monitoring.thermal.cool('helo-1'),
    ]) {
      errors.push(await call().catch((error) => error))
      assert.equal(server.requests.length, errors.length)
    }
    // Refused means without effect; lost may have had one.
    assert.deepEqual(errors.map(({ retry }) => retry).slice(0, 4), [
      'never',
      'safe',
      'safe',
      'never',
    ])
  })

  it('of a write with If-Match are for refusals only', async () => {
    const lost = await client(hangUp, json({}))
    const error = await lost.streams
      .update('str_1', { fps: 25 }, { ifMatch: '"7"' })
      .catch((e) => e)
    assert.deepEqual([error.name, error.retry], ['ServerUnreachableError', 'never'])
    const refused = await client(problem(503, 'not_leader'), json({ stream_id: 'str_1' }))
    await refused.streams.update('str_1', { fps: 25 }, { ifMatch: '"7"' })
    assert.deepEqual(
      server.requests.map(({ headers }) => headers['if-match']),
      ['"7"', '"7"'],
    )
  })

  it('are for a server that says nothing in time', async () => {
    const { encoders } = await client(silence, json(counts))
    assert.deepEqual(await encoders.counts({ timeoutMs: 100 }), counts)
    const quiet = await client(silence)
    const call = quiet.encoders.counts({ timeoutMs: 50, retry: { attempts: 2 } })
    const error = await call.catch((error) => error)
    assert.match(error.message, /^http:\/\/127\.0\.0\.1:\d+: no answer within 50 ms$/)
    assert.deepEqual([error.code, error.retry], ['server_unreachable', 'exhausted'])
  })

  it('end with the signal, during the request and between two', async () => {
    const { encoders } = await client(silence)
    const during = AbortSignal.timeout(50)
    await assert.rejects(encoders.counts({ signal: during }), (error) => error === during.reason)
    const before = AbortSignal.abort(new Error('no longer wanted'))
    await assert.rejects(encoders.counts({ signal: before }), /no longer wanted/)
    assert.equal(server.requests.length, 1)
    const waiting = await client(problem(503, 'not_leader', {}, { 'retry-after': '2' }))
    const between = AbortSignal.timeout(100)
    await assert.rejects(waiting.encoders.counts({ signal: between }), (e) => e === between.reason)
    assert.equal(server.requests.length, 1)
  })

  it('find what does not speak as the server does, and do not go on with it', async () => {
    const html = (_, response) =>
      response.writeHead(200, { 'content-type': 'text/html' }).end('<p>')
    const moved = (_, response) => response.writeHead(302, { location: 'http://other/' }).end()
    const { encoders } = await client(html, moved, moved, html)
    for (const expected of [/not JSON/, /^status 302 leads to another address/]) {
      const error = await encoders.counts().catch((error) => error)
      assert.ok(error instanceof ServerProtocolError, String(error))
      assert.match(error.message, expected)
    }
    const lost = await encoders.control('helo-1', { action: 'reboot' }).catch((error) => error)
    assert.equal(lost.context.status, '302')
    await assert.rejects(new Client({ url: server.url }).openapi(), ServerProtocolError)
    assert.equal(server.requests.length, 4)
  })

  it('say where nobody listens', async () => {
    const gone = await stub(silence)
    await gone.close()
    const client = new Client({ url: gone.url, retry: { attempts: 2, firstWaitMs: 1 } })
    const error = await client.alive().catch((error) => error)
    assert.equal(String(error), `ServerUnreachableError: ${gone.url}: no connection (ECONNREFUSED)`)
    assert.equal(error.retry, 'exhausted')
  })
})
