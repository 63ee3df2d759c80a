/**
 * Drivers and policies on their way to the library.
 *
 * @packageDocumentation
 */
import { ConfigInvalidError } from './errors.js'
import { add, Handover, release, type Method } from './objects.js'
import type { Capability, DeviceEvent, Registration } from './plugin-documents.js'
import type { DriverFactory, EncoderDriver, Plugins } from './plugins.js'

/** An object as the library is told of it. */
export interface ObjectDocument {
  readonly object: number
  readonly name: string
  readonly methods: readonly string[]
}

/** A driver as the library is told of it. */
export interface DriverDocument {
  readonly driver: ObjectDocument
  readonly capability: Capability
}

/** The policies: what the library calls a method, and what it is called here. */
const POLICIES = {
  balancer: { select: 'select' },
  healthPolicy: { assess: 'assess' },
  remediator: { next_step: 'nextStep', run: 'run' },
} as const

export type Policy = keyof typeof POLICIES

/** What one manager was lent. */
export class Lending {
  readonly #lent = new Set<number>()

  /** Lends what a manager shall take; gives the document that says so. */
  plugins({ drivers = {}, balancer, healthPolicy, remediator }: Plugins): string {
    const makers = Object.entries(drivers).map(([name, factory]) => [
      name,
      this.#factory(name, factory),
    ])
    return JSON.stringify({
      drivers: Object.fromEntries(makers) as Record<string, number>,
      balancer: balancer && this.policy('balancer', balancer),
      health_policy: healthPolicy && this.policy('healthPolicy', healthPolicy),
      remediator: remediator && this.policy('remediator', remediator),
    })
  }

  /** Takes everything back. */
  end(): void {
    for (const object of this.#lent) release(object)
  }

  policy(part: Policy, object: unknown): ObjectDocument {
    const names: Readonly<Record<string, string>> = POLICIES[part]
    const methods = methodsOf(part, object, names)
    const [needed] = Object.keys(names) as [string]
    if (!methods.has(needed)) throw lacks(nameOf(object, part), names[needed] as string)
    return this.object(nameOf(object, part), methods)
  }

  driver(driver: EncoderDriver, otherwise: string, what = otherwise): DriverDocument {
    const methods = methodsOf(what, driver, DRIVER)
    const name = nameOf(driver, otherwise)
    const capability = driver.capability ?? {}
    const feeds = new Map<number, Feed>()
    if (typeof driver.events === 'function') offerFeeds(methods, driver, feeds)
    else if (capability.pushes_events === true) throw lacks(name, 'events')
    const released = (): void => {
      for (const feed of feeds.values()) feed.close()
      void quietly(() => driver.close?.())
    }
    return { driver: this.object(name, methods, released), capability }
  }

  /** Lends a function, such as one that makes something. */
  method(name: string, method: Method): number {
    return this.#add(new Map([[name, method]]))
  }

  #factory(name: string, factory: DriverFactory): number {
    const what = `the driver "${name}"`
    if (typeof factory !== 'function') throw invalid(what, factory, 'a function or a class')
    const make = isClass(factory) ? (one: Registration) => new factory(one) : factory
    return this.method('create', async ({ args: [registration], signal }) => {
      const driver = await make(registration as Registration, signal)
      const document = this.driver(driver, name, what)
      return new Handover(document, () => release(document.driver.object))
    })
  }

  object(
    name: string,
    methods: ReadonlyMap<string, Method>,
    released?: () => void,
  ): ObjectDocument {
    return { object: this.#add(methods, released), name, methods: [...methods.keys()] }
  }

  #add(methods: ReadonlyMap<string, Method>, released?: () => void): number {
    const object = add(methods, () => {
      this.#lent.delete(object)
      released?.()
    })
    this.#lent.add(object)
    return object
  }
}

const DRIVER = {
  status: 'status',
  configure: 'configure',
  start: 'start',
  stop: 'stop',
  control: 'control',
} as const

/** The methods that an object has, of those that the library may call. */
export function methodsOf(
  what: string,
  object: unknown,
  names: Readonly<Record<string, string>>,
): Map<string, Method> {
  if (typeof object !== 'object' || object === null) throw invalid(what, object, 'an object')
  const methods = new Map<string, Method>()
  for (const [known, own] of Object.entries(names)) {
    const method: unknown = Reflect.get(object, own)
    if (typeof method !== 'function') continue
    methods.set(known, ({ args, signal, driver }) =>
      Reflect.apply(method, object, driver ? [...args, driver, signal] : [...args, signal]),
    )
  }
  return methods
}

function offerFeeds(
  methods: Map<string, Method>,
  driver: EncoderDriver,
  feeds: Map<number, Feed>,
): void {
  const close = (number: number): void => {
    feeds.get(number)?.close()
    feeds.delete(number)
  }
  methods.set('next_event', ({ args: [given], signal }) => {
    const number = given as number
    const feed = feeds.get(number) ?? new Feed(driver)
    feeds.set(number, feed)
    signal.addEventListener('abort', () => close(number), { once: true })
    return feed.next()
  })
  methods.set('close_feed', ({ args: [number] }) => close(number as number))
}

/** One reading of a driver's events. */
class Feed {
  readonly #controller = new AbortController()
  readonly #events: AsyncIterator<DeviceEvent>

  constructor(driver: EncoderDriver) {
    const events: unknown = driver.events?.(this.#controller.signal)
    const begin = (events as Partial<AsyncIterable<DeviceEvent>> | undefined)?.[
      Symbol.asyncIterator
    ]
    if (typeof begin !== 'function') throw new TypeError('events() gave no async iterable')
    this.#events = begin.call(events)
  }

  /** The next event; `null` when the feed has ended. */
  async next(): Promise<DeviceEvent | null> {
    const { done, value } = await this.#events.next()
    return done === true ? null : value
  }

  close(): void {
    this.#controller.abort(new DOMException('nobody reads this feed any more', 'AbortError'))
    // A generator that waits for something else goes on when that comes; nobody waits for it.
    void quietly(() => this.#events.return?.())
  }
}

/** Does something whose failure concerns nobody. */
async function quietly(act: () => unknown): Promise<void> {
  try {
    await act()
  } catch {
    // Its owner lets go of it either way.
  }
}

function nameOf(object: unknown, otherwise: string): string {
  const name = (object as { constructor?: { name?: unknown } }).constructor?.name
  return typeof name === 'string' && name !== '' && name !== 'Object' ? name : otherwise
}

function isClass(factory: DriverFactory): factory is new (one: Registration) => EncoderDriver {
  return /^class\b/.test(Function.prototype.toString.call(factory))
}

function lacks(name: string, method: string): ConfigInvalidError {
  return new ConfigInvalidError(`${name} lacks ${method}()`, { code: 'config_invalid' })
}

function invalid(what: string, given: unknown, wanted: string): ConfigInvalidError {
  const found = given === null ? 'null' : typeof given
  return new ConfigInvalidError(`${what} is ${found}; give ${wanted}`, { code: 'config_invalid' })
}
