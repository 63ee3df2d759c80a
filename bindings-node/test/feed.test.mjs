// The live feed from a server that breaks it in every way.
import assert from 'node:assert/strict'
import { afterEach, describe, it } from 'node:test'

import { Client } from 'encoder-manager/server'

import { event, feed, json, problem, silence, stub } from './support/stub.mjs'

const FAST = { firstWaitMs: 1, longestWaitMs: 2_000 }
const health = (sequence) => ({ stream_id: 'str_1', status: 'healthy', sequence })
const first = event(1, 'stream_health', health(1))
const second = event(2, 'stream_health', health(2))
const stopping = event(null, 'end', { code: 'shutting_down' })

describe('the feed', () => {
  let server
  const servers = []
  afterEach(() => Promise.all(servers.splice(0).map((server) => server.close())))

  const events = async (handlers, options = {}) => {
    servers.push((server = await stub(...handlers)))
    return new Client({ url: server.url, apiKey: 'em_test' }).events({ retry: FAST, ...options })
  }
  /** The first events, by id and name. */
  const take = async (count, feed) => {
    const seen = []
    for await (const { id, event } of feed) {
      if (seen.push(`${id} ${event}`) === count) break
    }
    return seen
  }
  const resumedAt = () => server.requests.map(({ headers }) => headers['last-event-id'])

  for (const [name, start] of Object.entries({
    'was closed': feed(first),
    'broke off': feed(first, 'break'),
    'broke off in the middle of an event': feed(first + second.slice(0, -10), 'break'),
    'was ended by a server that stops': feed(first + stopping),
  })) {
    it(`goes on after the last event when the connection ${name}`, async () => {
      const seen = await take(2, await events([start, feed(second, 'stay')]))
      assert.deepEqual(seen, ['1 stream_health', '2 stream_health'])
      assert.deepEqual(resumedAt(), [undefined, '1'])
    })
  }

  it('goes on while a server restarts', async () => {
    const refusals = [problem(503, 'not_leader'), (_, response) => response.writeHead(502).end()]
    const seen = await take(2, await events([feed(first), ...refusals, feed(second, 'stay')]))
    assert.deepEqual(seen, ['1 stream_health', '2 stream_health'])
    assert.equal(server.requests.length, 4)
  })

  it('goes on when the server says nothing for too long', async () => {
    const silenceMs = 100
    const all = await events([feed(first, 'stay'), feed(second, 'stay')], { silenceMs })
    assert.deepEqual(await take(2, all), ['1 stream_health', '2 stream_health'])
    assert.deepEqual(resumedAt(), [undefined, '1'])
  })

  it('does not take our own slowness for silence', async () => {
    let sendMore
    const start = (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(first)
      sendMore = () => response.write(second)
    }
    const all = await events([start, feed(second, 'stay')], { silenceMs: 100 })
    await all.next()
    await new Promise((done) => setTimeout(done, 200))
    sendMore()
    assert.equal((await all.next()).value.id, 2)
    assert.equal(server.requests.length, 1)
    await all.return()
  })

  it('takes comments for signs of life', async () => {
    const beat = (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      let beats = 0
      const timer = setInterval(() => {
        response.write(':\n\n')
        if ((beats += 1) === 8) response.write(first, () => clearInterval(timer))
      }, 50)
    }
    assert.deepEqual(await take(1, await events([beat], { silenceMs: 200 })), ['1 stream_health'])
    assert.equal(server.requests.length, 1)
  })

  it('says when it cannot know what was lost', async () => {
    const all = await events([feed(':\n\n'), feed(second, 'stay')])
    const lagged = (await all.next()).value
    assert.deepEqual(lagged, { event: 'lagged', id: null, data: { lost: 0, resync: true } })
    assert.equal((await all.next()).value.id, 2)
    await all.return()
  })

  it('hands on what the server lost', async () => {
    const loss = event(null, 'lagged', { lost: 7, resync: false })
    const all = await events([feed(first + loss + second, 'stay')])
    assert.deepEqual(await take(3, all), ['1 stream_health', 'null lagged', '2 stream_health'])
  })

  it('starts where it is told, and asks for what it is told', async () => {
    const options = { lastEventId: 41, streamId: 'str_1', encoderId: 'helo-1' }
    await take(1, await events([feed(first, 'stay')], options))
    assert.equal(server.requests[0].url, '/api/events?stream_id=str_1&encoder_id=helo-1')
    assert.deepEqual(resumedAt(), ['41'])
    assert.equal(server.requests[0].headers.authorization, 'Bearer em_test')
  })

  it('leaves out what this version does not know', async () => {
    const news = event(1, 'from_the_future', {}) + 'data: nameless\n\n'
    assert.deepEqual(await take(1, await events([feed(news + second, 'stay')])), [
      '2 stream_health',
    ])
  })

  for (const [name, handler, expected] of [
    ['the key is refused', problem(401, 'key_expired'), 'KeyExpiredError'],
    ['there is no such stream', problem(404, 'not_found'), 'NotFoundError'],
    ['the key expires', feed(event(null, 'end', { code: 'key_expired' })), 'KeyExpiredError'],
    ['the answer is no feed', json({}), 'ServerProtocolError'],
    ['an event is not JSON', feed('event: alert\ndata: {\n\n'), 'ServerProtocolError'],
  ]) {
    it(`ends with an error when ${name}`, async () => {
      const error = await take(1, await events([handler])).catch((error) => error)
      assert.deepEqual([error.name, error.retry], [expected, 'never'])
      assert.equal(server.requests.length, 1)
    })
  }

  it('gives up where no server ever was, and later where one was', async () => {
    const never = await take(1, await events([problem(503, 'not_leader')])).catch((error) => error)
    assert.deepEqual([never.name, never.retry], ['NotLeaderError', 'exhausted'])
    assert.equal(server.requests.length, 4)
    const retry = { ...FAST, attempts: 6 }
    const gone = await events([feed(first), problem(503, 'not_leader')], { retry })
    const error = await take(2, gone).catch((error) => error)
    assert.deepEqual([error.name, error.retry], ['NotLeaderError', 'exhausted'])
    assert.equal(server.requests.length, 6)
  })

  it('does not count connections that showed a sign of life', async () => {
    const alive = Array(5).fill(feed(':\n\n'))
    const options = { lastEventId: 0, retry: { ...FAST, attempts: 3 } }
    const seen = await take(1, await events([...alive, feed(first, 'stay')], options))
    assert.deepEqual(seen, ['1 stream_health'])
    const dead = Array(5).fill(feed(''))
    const error = await take(2, await events([feed(first), ...dead], options)).catch((e) => e)
    assert.deepEqual([error.name, error.retry], ['ServerUnreachableError', 'exhausted'])
    assert.equal(server.requests.length, 3)
  })

  it('ends with its signal, while it waits for an event and for a server', async () => {
    const handlers = [feed(first, 'stay'), silence]
    for (const options of [
      {},
      { silenceMs: 50, retry: { firstWaitMs: 60_000, longestWaitMs: 60_000 } },
    ]) {
      const signal = AbortSignal.timeout(200)
      const reading = take(2, await events(handlers, { ...options, signal }))
      await assert.rejects(reading, (error) => error === signal.reason)
    }
  })

  it('closes its connection when the loop is left', async () => {
    let closed
    const gone = new Promise((done) => (closed = done))
    const watched = (request, response) => {
      response.on('close', closed)
      feed(first, 'stay')(request, response)
    }
    await take(1, await events([watched]))
    await gone
  })
})
