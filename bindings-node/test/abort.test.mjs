// An AbortSignal ends every call: what is done for it is dropped, and its reason is what rejects.
import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { after, before, describe, it } from 'node:test'

import { Manager } from 'encoder-manager'
import { fleet, REQUEST, until } from './support/fleet.mjs'

const reason = new Error('the caller changed its mind')
const isReason = (error) => error === reason

describe('abort', () => {
  let helos, manager, close
  before(async () => ({ helos, manager, close } = await fleet(2)))
  after(() => close())

  /** Sets a signal off once the call is under way. */
  async function aborted(make) {
    const controller = new AbortController()
    const call = make({ signal: controller.signal })
    const rejected = assert.rejects(call, isReason)
    setImmediate(() => controller.abort(reason))
    await rejected
    assert.equal(getEventListeners(controller.signal, 'abort').length, 0)
  }

  it('before a call begins nothing', async () => {
    const signal = AbortSignal.abort(reason)
    const encoder = { ...helos.encoders()[0], encoder_id: 'other' }
    await assert.rejects(manager.addEncoder(encoder, { signal }), isReason)
    assert.equal(manager.encoders().length, 2)
    const acts = [
      manager.updateEncoder('helo-1', encoder, { signal }),
      manager.removeEncoder('helo-1', { signal }),
      manager.control('helo-1', 'reboot', { signal }),
      manager.monitorEncoder('helo-1', { signal }),
      manager.startStream(REQUEST, { signal }),
      manager.waitLive('str_x', { signal }),
      manager.updateStream('str_x', {}, { signal }),
      manager.stopStream('str_x', { signal }),
      manager.failover('str_x', {}, { signal }),
      manager.drill('str_x', {}, { signal }),
      manager.timeline('str_x', { signal }),
      manager.authorizePublisher({ stream_key: 'x' }, { signal }),
      manager.coolDown('helo-1', { signal }),
      manager.history({}, { signal }),
      manager.errorAnalysis({ signal }),
      manager.performance(undefined, { signal }),
      manager.acknowledgeAlert('alt_x', { signal }),
      manager.silenceAlerts({}, { signal }),
      manager.endSilence('sil_x', { signal }),
      manager.retryNotice('ntc_x', { signal }),
      manager.testAlertSink('x', { signal }),
      manager.open({ signal }),
      manager.close({ signal }),
    ]
    for (const act of acts) await assert.rejects(act, isReason)
    assert.equal(manager.state, 'open')
    assert.deepEqual(manager.streams(), [])
  })

  it('drops a look at a device that does not answer', async () => {
    helos.inject(1, 'hang')
    await aborted((options) => manager.monitorEncoder('helo-2', options))
    helos.clearFaults()
    await until('it answers again', () => manager.fleetCounts().online === 2)
  })

  it('stops a stream again that was to be live', async () => {
    for (const place of [0, 1]) helos.inject(place, 'stream_never_starts')
    const named = { waitLive: true, deadlineMs: 600_000, streamId: 'str_given_up' }
    const controller = new AbortController()
    const starting = manager.startStream(REQUEST, { ...named, signal: controller.signal })
    const rejected = assert.rejects(starting, isReason)
    const state = () => manager.streams().find(({ id }) => id === 'str_given_up')?.state
    await until('it is starting', () => state() === 'starting')
    controller.abort(reason)
    await rejected
    await until('it is stopped', () => state() === undefined || state() === 'stopped')
    helos.clearFaults()
  })

  it('leaves a stream alone that was only waited for', async () => {
    for (const place of [0, 1]) helos.inject(place, 'stream_never_starts')
    const stream = await manager.startStream(REQUEST)
    await aborted((options) => stream.waitLive({ ...options, deadlineMs: 600_000 }))
    assert.notEqual(stream.state, 'stopped')
    helos.clearFaults()
    await stream.stop()
  })

  it('comes too late for what is done', async () => {
    const controller = new AbortController()
    await manager.monitorEncoder('helo-1', { signal: controller.signal })
    controller.abort(reason)
    assert.equal(getEventListeners(controller.signal, 'abort').length, 0)
  })
})

describe('abort of an opening', () => {
  const drivers = { slow: (_, signal) => new Promise((_, fail) => (signal.onabort = fail)) }
  const encoders = [{ encoder_id: 'slow-1', driver: 'slow', address: 'x' }]
  const options = { drivers, encoders, foreign: { call_deadline_seconds: 600 } }

  it('leaves the manager as it was', async () => {
    const manager = new Manager(options)
    const signal = AbortSignal.timeout(50)
    await assert.rejects(manager.open({ signal }), { name: 'TimeoutError' })
    assert.equal(manager.state, 'unopened')
    await manager.close()
  })

  it('ends it only when nobody else waits', async () => {
    const manager = new Manager({ config: {} })
    const controller = new AbortController()
    const given = manager.open({ signal: controller.signal })
    const kept = manager.open()
    controller.abort(reason)
    await assert.rejects(given, isReason)
    await kept
    assert.equal(manager.state, 'open')
    await manager.close()
  })

  it('does not keep the closing from happening', async () => {
    const { manager, close } = await fleet(1)
    const controller = new AbortController()
    const closing = manager.close({ signal: controller.signal })
    controller.abort(reason)
    await assert.rejects(closing, isReason)
    assert.equal(await manager.close(), true)
    await close()
  })
})
