/**
 * Whether drivers and policies of your own keep their contracts.
 *
 * The suites are the library's own. Each item is one promise of a contract and one test:
 *
 * ```js
 * import { test } from 'node:test'
 * import { checkBalancer, items } from 'encoder-manager/testing'
 *
 * for (const item of items.balancer) {
 *   test(item, () => checkBalancer(item, () => new MyBalancer()))
 * }
 * ```
 *
 * @packageDocumentation
 */
import { AssertionError } from 'node:assert'

import { hold, release } from './alive.js'
import { call, port, type CallOptions } from './bridge.js'
import { encode, split } from './encode.js'
import { Lending, methodsOf, type Policy } from './lending.js'
import type { EncodingSettings, PublishTarget } from './plugin-documents.js'
import type { Awaitable, Balancer, EncoderDriver, HealthPolicy, Remediator } from './plugins.js'

/** The items of each contract, in its order. */
export interface Items {
  readonly driver: readonly string[]
  readonly balancer: readonly string[]
  readonly healthPolicy: readonly string[]
  readonly remediator: readonly string[]
}

/** The items of each contract. */
export const items: Items = readItems()

function readItems(): Items {
  const { health_policy, ...others } = JSON.parse(port.suites()) as Record<string, string[]>
  return Object.freeze({ ...others, healthPolicy: health_policy }) as unknown as Items
}

/** A driver with an idle, well-behaved device behind it. */
export interface DriverUnderTest {
  driver: EncoderDriver
  /** Makes the device stop answering for good. */
  cutOff(): unknown
  /** Makes the device accept settings without effect; without it that is not tested. */
  ignoreWrites?(): unknown
  /** Breaks the event feed so that it can be had again; without it that is not tested. */
  breakFeed?(): unknown
  /** Ends the device when the item is over. */
  close?(): unknown
  /** Settings that the device can take. By default 1920x1080, 30 pictures and 6 Mbit/s. */
  settings?: EncodingSettings
  /** Where it can publish. By default an address that leads nowhere. */
  target?: PublishTarget
  /** How long starting, stopping, and noticing a dead device may take; 10 by default. */
  withinSeconds?: number
}

const DEVICE = {
  cut_off: 'cutOff',
  ignore_writes: 'ignoreWrites',
  break_feed: 'breakFeed',
} as const

/**
 * Checks an item of a driver's contract.
 *
 * @param make Makes a driver with a device of its own.
 * @throws AssertionError with what is wrong.
 */
export async function checkDriver(
  item: string,
  make: () => Awaitable<DriverUnderTest>,
  options?: CallOptions,
): Promise<void> {
  const [, { signal }] = split('checkDriver', options, [])
  const subject = await make()
  const lending = new Lending()
  try {
    const hooks = methodsOf('the driver under test', subject, DEVICE)
    const document = {
      id: 'under-test',
      made: lending.driver(subject.driver, 'driver'),
      device: lending.object('device', hooks),
      settings: subject.settings,
      target: subject.target,
      within_seconds: subject.withinSeconds,
    }
    await check('driver', item, encode('checkDriver', document), signal)
  } finally {
    lending.end()
    await subject.close?.()
  }
}

/**
 * Checks an item of a balancer's contract. Also wrong is an answer that the built-in balancer would
 * have to replace; likewise for the other policies.
 *
 * @throws AssertionError with what is wrong.
 */
export function checkBalancer(
  item: string,
  make: () => Awaitable<Balancer>,
  options?: CallOptions,
): Promise<void> {
  return checkPolicy('balancer', 'balancer', item, make, options)
}

/**
 * Checks an item of a health policy's contract.
 *
 * @throws AssertionError with what is wrong.
 */
export function checkHealthPolicy(
  item: string,
  make: () => Awaitable<HealthPolicy>,
  options?: CallOptions,
): Promise<void> {
  return checkPolicy('health_policy', 'healthPolicy', item, make, options)
}

/**
 * Checks an item of a remediator's contract. Its steps run into their deadlines several times, so
 * short deadlines make it short.
 *
 * @throws AssertionError with what is wrong.
 */
export function checkRemediator(
  item: string,
  make: () => Awaitable<Remediator>,
  options?: CallOptions,
): Promise<void> {
  return checkPolicy('remediator', 'remediator', item, make, options)
}

async function checkPolicy(
  suite: string,
  part: Policy,
  item: string,
  make: () => Awaitable<object>,
  options: CallOptions | undefined,
): Promise<void> {
  const [, { signal }] = split(`check of a ${suite}`, options, [])
  const lending = new Lending()
  const maker = lending.method('make', async () => lending.policy(part, await make()))
  try {
    await check(suite, item, String(maker), signal)
  } finally {
    lending.end()
  }
}

async function check(
  suite: string,
  item: string,
  subject: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const running = {}
  hold(running)
  try {
    const wrong = JSON.parse(await call(signal, (id) => port.check(id, suite, item, subject))) as
      string | null
    if (wrong !== null) throw new AssertionError({ message: `${item}: ${wrong}` })
  } finally {
    release(running)
  }
}
