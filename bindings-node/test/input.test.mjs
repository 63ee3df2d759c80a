// Whatever a program gives: an EncoderError, or an answer; never anything else, and never a crash.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'

import fc from 'fast-check'
import { EncoderError, Manager, policies, ValidationFailedError } from 'encoder-manager'
import { fleet, REQUEST } from './support/fleet.mjs'

/** Values that no document is made of. */
const hostile = fc.oneof(
  fc.bigInt(),
  fc.constant(Symbol('s')),
  fc.constant(() => 7),
  fc.constantFrom(Number.NaN, Infinity, -Infinity, undefined, -0),
  fc.constantFrom(new Map([[1, 2]]), new Set([1]), new Date(Number.NaN), /x/, new Uint8Array(3)),
  fc.constant(Promise.resolve()),
  fc.constantFrom('\ud800', '\udfff x', '\0', '__proto__', ''),
  fc.constantFrom(2 ** 63, -(2 ** 63), 1e308, 5e-324, 2 ** 53 + 2),
  fc.constant(null).map(cyclic),
  fc.constant(null).map(throwing),
  fc.constant(null).map(trapped),
  fc.integer({ min: 90, max: 200_000 }).map(deep),
)

function cyclic() {
  const it = { list: [] }
  it.list.push({ it })
  return it
}

function throwing() {
  return {
    get bitrate() {
      throw new Error('a getter\nof the program')
    },
    toJSON: undefined,
  }
}

function revoked() {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

/** A proxy that throws whatever is asked of it, except by symbols, as the test library asks. */
function trapped() {
  const refuse = (_, key) => {
    if (typeof key !== 'symbol') throw { toString: () => assert.fail() }
  }
  return new Proxy({}, { get: refuse, ownKeys: refuse, getOwnPropertyDescriptor: refuse })
}

function deep(levels) {
  let it = {}
  for (let level = 0; level < levels; level += 1) it = level % 2 ? [it] : { it }
  return it
}

const KEYS = ['encoder_id', 'address', 'driver', 'weight', 'resolution', 'bitrate', 'fps', 'action']
const anything = fc.oneof(
  { weight: 3, arbitrary: hostile },
  fc.anything({ withBigInt: true, withMap: true, withSparseArray: true, withNullPrototype: true }),
  fc.dictionary(fc.constantFrom(...KEYS), fc.oneof(hostile, fc.anything()), { maxKeys: 4 }),
)

function namesFile(options) {
  try {
    return typeof options?.store === 'string'
  } catch {
    return false
  }
}

/** Calls; all that it may throw, at once or later, is an EncoderError. */
async function tame(work) {
  try {
    return await work()
  } catch (error) {
    assert.ok(error instanceof EncoderError, `threw ${error?.constructor?.name}: ${error?.stack}`)
    assert.notEqual(error.code, 'unexpected', error.message)
    assert.ok(!error.message.includes('\n'), error.message)
    return error
  }
}

/** Functions return or throw; promises reject. An asynchronous method never throws at once. */
function tameAct(manager, name, given) {
  const promise = manager[name](...given)
  assert.ok(promise instanceof Promise, name)
  return tame(() => promise)
}

describe('arbitrary input', () => {
  let manager, close
  before(async () => ({ manager, close } = await fleet(1)))
  after(() => close())

  const READS = ['encoder', 'encoderStatus', 'encoderMetrics', 'encoderHealth', 'assignments']
  READS.push('stream', 'streamDocument', 'streamHealth', 'thermal', 'storage', 'errors', 'notices')
  const ACTS = ['addEncoder', 'updateEncoder', 'removeEncoder', 'control', 'monitorEncoder']
  ACTS.push('startStream', 'waitLive', 'updateStream', 'stopStream', 'failover', 'drill')
  ACTS.push('timeline', 'authorizePublisher', 'coolDown', 'history', 'performance')
  ACTS.push('acknowledgeAlert', 'silenceAlerts', 'endSilence', 'retryNotice', 'testAlertSink')
  const given = fc.array(anything, { minLength: 1, maxLength: 3 })
  const runs = { numRuns: 1_500, endOnFailure: true }

  it('to what is read', () =>
    fc.assert(
      fc.asyncProperty(fc.constantFrom(...READS), given, async (name, values) => {
        await tame(() => manager[name](...values))
      }),
      runs,
    ))

  it('to what is done', () =>
    fc.assert(
      fc.asyncProperty(fc.constantFrom(...ACTS), given, async (name, values) => {
        await tameAct(manager, name, values)
      }),
      runs,
    ))

  it('to the pure policies', () =>
    fc.assert(
      fc.asyncProperty(fc.constantFrom(...Object.keys(policies)), given, async (name, values) => {
        await tame(() => policies[name](...values))
      }),
      runs,
    ))

  it('to a feed', () =>
    fc.assert(
      fc.asyncProperty(anything, async (options) => {
        await tame(() => manager.events(options).return())
      }),
      runs,
    ))

  it('to a manager', () =>
    fc.assert(
      fc.asyncProperty(
        fc.oneof(
          anything,
          fc.dictionary(
            fc.constantFrom('config', 'encoders', 'store', 'aja', 'foreign', 'drivers', 'balancer'),
            anything,
            { maxKeys: 2 },
          ),
        ),
        async (options) => {
          // A text that happens to be a path would leave a file behind.
          fc.pre(!namesFile(options))
          await tame(async () => {
            const made = new Manager(options)
            await made.open().finally(() => made.close())
          })
        },
      ),
      { ...runs, numRuns: 500 },
    ))

  it('leaves the manager whole', async () => {
    assert.equal(manager.state, 'open')
    const stream = await manager.startStream(REQUEST, { waitLive: true })
    await stream.stop()
  })
})

describe('input that has no JSON', () => {
  const message = (work) => {
    try {
      work()
    } catch (error) {
      assert.ok(error instanceof ValidationFailedError, error)
      return error.message
    }
    throw new Error('it was taken')
  }
  const check = (request) => message(() => policies.validateStream(request))

  it('is named by its path', () => {
    const of = 'validate_stream: request'
    assert.equal(check({ bitrate: 1n }), `${of}.bitrate: a BigInt has no JSON; give a number`)
    assert.equal(
      check({ labels: { a: [Symbol.iterator] } }),
      `${of}.labels.a.0: a symbol has no JSON`,
    )
    assert.equal(check({ fps: () => 30 }), `${of}.fps: a function has no JSON`)
    assert.match(check({ fps: Number.NaN }), /request\.fps: NaN has no JSON/)
    assert.match(check({ labels: new Map() }), /request\.labels: a Map has no JSON/)
    assert.match(check({ labels: [undefined] }), /request\.labels\.0: a list has no place/)
    assert.equal(check(cyclic()), `${of}.list.0.it: it contains itself`)
    assert.match(check(deep(101)), /it is nested deeper than 100 levels/)
    assert.match(
      check(throwing()),
      /^validate_stream: request: reading it threw Error: a getter of/,
    )
    assert.match(check(revoked()), /reading it threw TypeError/)
    assert.match(check({ name: 'a\ud800' }), /request\.name: half of a surrogate pair has no JSON/)
  })

  it('is not what is given twice, or left out', () => {
    const labels = { a: 'b' }
    const { config } = policies.validateStream({ ...REQUEST, labels, name: undefined })
    assert.equal(config.bitrate, REQUEST.bitrate)
    const twice = { ...REQUEST, labels, destination: { ...REQUEST.destination } }
    assert.ok(policies.validateStream(twice))
  })

  it('includes what only looks like a signal', async () => {
    const manager = new Manager()
    for (const signal of [7, {}, { aborted: false, addEventListener() {} }, null]) {
      await assert.rejects(manager.open({ signal }), /signal: must be an AbortSignal/)
    }
    await assert.rejects(manager.open({ sginal: 1 }), /sginal: there is no such option/)
    await assert.rejects(manager.open(null), /options: must be an object/)
  })
})
