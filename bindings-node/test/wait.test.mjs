// Waiting for a stream, and the arithmetic of waiting.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { Client, DEFAULT_RETRY } from 'encoder-manager/server'

import { readRetryAfter, waitAfter } from '../build/server/retry.js'

describe('waiting for a stream', () => {
  const server = (...states) => {
    let looks = 0
    const fetch = async () => {
      const state = states[Math.min(looks++, states.length - 1)]
      return Response.json({ stream_id: 'str_1', state, failure: 'no signal' })
    }
    return new Client({ url: 'http://server.example', fetch }).streams
  }

  for (const state of ['live', 'degraded']) {
    it(`is over when it is ${state}`, async () => {
      const stream = await server('starting', 'starting', state).waitLive('str_1')
      assert.equal(stream.state, state)
    })
  }

  for (const state of ['stopping', 'stopped', 'failed']) {
    it(`is given up when it is ${state}`, async () => {
      const message = `the stream is ${state}: no signal`
      const context = { stream: 'str_1' }
      const expected = { name: 'ConflictError', message, context }
      await assert.rejects(server('starting', state).waitLive('str_1'), expected)
    })
  }

  it('has an end', async () => {
    const waiting = server('starting').waitLive('str_1', { deadlineMs: 50 })
    const message = 'after 50 ms the stream is starting'
    await assert.rejects(waiting, { name: 'DeadlineExceededError', message, retry: 'safe' })
  })

  it('has an end when the server does not answer, too', async () => {
    const fetch = (_, { signal }) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    const { streams } = new Client({ url: 'http://server.example', fetch })
    const waiting = streams.waitLive('str_1', { deadlineMs: 50 })
    await assert.rejects(waiting, { name: 'DeadlineExceededError', message: /did not answer$/ })
  })

  it('ends with its signal', async () => {
    const signal = AbortSignal.timeout(50)
    const waiting = server('starting').waitLive('str_1', { signal })
    await assert.rejects(waiting, (error) => error === signal.reason)
  })
})

describe('the wait before another attempt', () => {
  const waits = (draw) =>
    [1, 2, 3, 4].map((made) => waitAfter(made, { status: 503 }, DEFAULT_RETRY, draw))

  it('doubles, is drawn, and ends', () => {
    assert.deepEqual(waits(1), [250, 500, 1000, undefined])
    assert.deepEqual(waits(0.5), [125, 250, 500, undefined])
    const patient = { ...DEFAULT_RETRY, attempts: 100 }
    assert.equal(waitAfter(50, {}, patient, 1), 30_000)
  })

  it('is never shorter than the server asks for', () => {
    const told = (retryAfterMs, draw) => waitAfter(1, { retryAfterMs }, DEFAULT_RETRY, draw)
    assert.equal(told(5_000, 0), 5_000)
    assert.equal(told(5_000, 1), 5_250)
    assert.equal(told(30_000, 0), 30_000)
    assert.equal(told(30_001, 0), undefined)
  })

  it('is read from seconds and from dates', () => {
    const now = Date.parse('2026-11-26T08:00:00Z')
    assert.equal(readRetryAfter('5', now), 5_000)
    assert.equal(readRetryAfter('Thu, 26 Nov 2026 08:00:07 GMT', now), 7_000)
    assert.equal(readRetryAfter('Thu, 26 Nov 2026 07:00:00 GMT', now), 0)
    for (const nothing of [null, '', 'soon', '-x']) {
      assert.equal(readRetryAfter(nothing, now), undefined)
    }
  })
})
