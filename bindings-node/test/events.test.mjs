// The live feed: as an async iterator and as an emitter.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'

import { Manager } from 'encoder-manager'
import { fleet, QUICK, REQUEST, until } from './support/fleet.mjs'

describe('events', () => {
  let helos, manager, close
  before(async () => ({ helos, manager, close } = await fleet(2)))
  after(() => close())

  it('come in order, with their data', async () => {
    const ids = []
    for await (const event of manager.events()) {
      assert.ok(['health_update', 'stream_health', 'alert'].includes(event.event), event.event)
      assert.equal(typeof event.data.sequence, 'number')
      ids.push(event.id)
      if (ids.length === 5) break
    }
    assert.deepEqual(
      ids,
      [...ids].sort((one, other) => one - other),
    )
    const [first] = ids
    const again = manager.events({ after: first - 1 })
    assert.equal((await again.next()).value.id, first)
    await again.return()
  })

  it('are of one stream or one encoder when asked for', async () => {
    const ofEncoder = manager.events({ encoder: 'helo-2' })
    for (let seen = 0; seen < 3; seen += 1) {
      const { value } = await ofEncoder.next()
      assert.equal(value.data.encoder_id, 'helo-2')
    }
    await ofEncoder.return()
    const stream = await manager.startStream(REQUEST, { waitLive: true })
    const ofStream = stream.events()
    await stream.failover()
    const phases = []
    for await (const { event, data } of ofStream) {
      assert.equal(data.stream_id, stream.id)
      if (event === 'stream_failover') phases.push(data.phase)
      if (phases.at(-1) === 'completed') break
    }
    assert.ok(phases.length > 1)
    await stream.stop()
  })

  it('end a `next` that waits when the feed is left', async () => {
    const feed = manager.events({ stream: 'str_nobody' })
    const waiting = [feed.next(), feed.next()]
    await feed.return()
    for (const next of waiting) assert.deepEqual(await next, { done: true, value: undefined })
    assert.deepEqual(await feed.next(), { done: true, value: undefined })
    await feed[Symbol.asyncDispose]()
  })

  it('reject with the reason of a signal', async () => {
    const controller = new AbortController()
    const feed = manager.events({ stream: 'str_nobody', signal: controller.signal })
    const waiting = assert.rejects(feed.next(), /enough/)
    controller.abort(new Error('enough'))
    await waiting
    assert.deepEqual(await feed.next(), { done: true, value: undefined })
    const late = manager.events({ signal: AbortSignal.abort('late') })
    await assert.rejects(late.next(), (reason) => reason === 'late')
  })

  it('reach listeners, while there are any', async () => {
    const [event] = await once(manager, 'health_update')
    assert.equal(event.event, 'health_update')
    assert.equal(manager.listenerCount('health_update'), 0)
    let seen = 0
    const listener = () => (seen += 1)
    manager.on('health_update', listener)
    await until('three events', () => seen >= 3)
    manager.off('health_update', listener)
    const before = seen
    await once(manager, 'health_update')
    assert.equal(seen, before)
    manager.on('health_update', listener)
    manager.removeAllListeners()
    await once(manager, 'health_update')
    assert.equal(seen, before)
  })

  it('survive what a listener throws, which is an uncaught exception', async () => {
    const caught = []
    const others = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.on('uncaughtException', (error) => caught.push(error.message))
    let seen = 0
    const listener = () => {
      seen += 1
      throw new Error('a defect of the listener')
    }
    manager.on('health_update', listener)
    await until('it went on', () => seen >= 2)
    manager.off('health_update', listener)
    await turn()
    process.removeAllListeners('uncaughtException')
    for (const other of others) process.on('uncaughtException', other)
    assert.ok(caught.length >= 2)
    assert.equal(caught[0], 'a defect of the listener')
  })
})

describe('feed', () => {
  it('tells a consumer that is slow how much it lost', async () => {
    const { manager, close } = await fleet(2, { config: { event_capacity: 8 } })
    const feed = manager.events()
    const { value: first } = await feed.next()
    const later = manager.events()
    await until('many events happened', async () => (await later.next()).value.id > first.id + 30)
    await later.return()
    const seen = []
    for await (const event of feed) {
      seen.push(event)
      if (event.event === 'lagged' || seen.length > 30) break
    }
    const loss = seen.at(-1)
    assert.equal(loss.event, 'lagged')
    assert.ok(loss.data.lost > 0)
    await close()
  })

  it('ends when the manager closes, after what was still to come', async () => {
    const { manager, close } = await fleet(1)
    const feed = manager.events()
    const idle = manager.events({ stream: 'str_nobody' })
    const waiting = idle.next()
    await manager.close()
    assert.deepEqual(await waiting, { done: true, value: undefined })
    for await (const event of feed) assert.ok(event.event)
    await close()
  })

  it('begins for listeners when the manager opens', async () => {
    const encoders = [{ encoder_id: 'a', address: 'http://127.0.0.1:1' }]
    const manager = new Manager({ encoders, config: QUICK })
    const first = once(manager, 'health_update')
    await manager.open()
    assert.equal((await first)[0].data.encoder_id, 'a')
    manager.on('alert', () => {})
    await manager.close()
  })
})
