/** What happens to a fleet, as it happens. */
import { EventEmitter } from 'node:events'

import type { NativeFeed } from '../native.js'
import { call } from './bridge.js'
import type {
  AlertEvent,
  HealthUpdateEvent,
  StreamErrorEvent,
  StreamFailoverEvent,
  StreamHealthEvent,
} from './events.js'

/** Events were lost, because they were not taken in time. Read again what you keep. */
export interface LossEvent {
  readonly event: 'lagged'
  readonly data: {
    /**
     * How many events of the whole fleet; `null` where `after` lies too far back to count.
     */
    readonly lost: number | null
  }
}

/** An event of a manager. Tell them apart by `event`. */
export type ManagerEvent =
  | StreamHealthEvent
  | HealthUpdateEvent
  | StreamErrorEvent
  | StreamFailoverEvent
  | AlertEvent
  | LossEvent

/** Events by their names. */
export type ManagerEvents = {
  [Name in ManagerEvent['event']]: Extract<ManagerEvent, { event: Name }>
}

/** The name of an event. */
export type ManagerEventName = keyof ManagerEvents

const NAMES = [
  'stream_health',
  'health_update',
  'stream_error',
  'stream_failover',
  'alert',
  'lagged',
] as const satisfies readonly ManagerEventName[]

/** Events that are fetched at once; more wait where their loss is counted. */
const BATCH = 256

/**
 * Events as they happen, for `for await`. It is over when the manager closes or the loop is left.
 *
 * What is not taken waits in the manager's memory of events, `event_capacity` of its settings; what
 * falls out of that is told by an event `lagged`.
 */
export class EventFeed implements AsyncIterableIterator<ManagerEvent, undefined> {
  readonly #feed: NativeFeed
  readonly #signal: AbortSignal | undefined
  readonly #ending = new AbortController()
  readonly #abort = () => this.#ending.abort(this.#signal?.reason)
  #batch: ManagerEvent[] = []
  #taken = 0
  #over = false
  #last: Promise<unknown> = Promise.resolve()

  /** @internal */
  constructor(feed: NativeFeed, signal: AbortSignal | undefined) {
    this.#feed = feed
    this.#signal = signal
    if (signal?.aborted === true) this.#abort()
    else signal?.addEventListener('abort', this.#abort, { once: true })
  }

  /** The next event. It rejects with the signal's reason once that is set off. */
  next(): Promise<IteratorResult<ManagerEvent, undefined>> {
    const next = this.#last.then(() => this.#next())
    this.#last = next.catch(() => {})
    return next
  }

  /** Ends it: a `next` that waits is over, too. */
  return(): Promise<IteratorResult<ManagerEvent, undefined>> {
    this.#end()
    return Promise.resolve({ done: true, value: undefined })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end()
  }

  async #next(): Promise<IteratorResult<ManagerEvent, undefined>> {
    if (this.#taken >= this.#batch.length && !this.#over) await this.#fetch()
    const event = this.#batch[this.#taken]
    this.#taken += 1
    return event === undefined ? { done: true, value: undefined } : { done: false, value: event }
  }

  async #fetch(): Promise<void> {
    try {
      const batch = await call(this.#ending.signal, (id) => this.#feed.next(id, BATCH))
      if (this.#over) return
      this.#batch = JSON.parse(batch) as ManagerEvent[]
      this.#taken = 0
      if (this.#batch.length === 0) this.#end()
    } catch (error) {
      if (this.#over) return
      this.#end()
      throw error
    }
  }

  #end(): void {
    this.#over = true
    this.#batch = []
    this.#signal?.removeEventListener('abort', this.#abort)
    this.#ending.abort()
  }
}

/** What listeners of each event are called with. */
type Calls = { [Name in ManagerEventName]: [event: ManagerEvents[Name]] }

/** The methods of an emitter after which there may be other listeners. */
const CHANGES = [
  'on',
  'addListener',
  'prependListener',
  'off',
  'removeListener',
  'removeAllListeners',
] as const

/**
 * Tells listeners about events: `manager.on('stream_failover', (event) => …)`.
 *
 * The feed is read while there are listeners and the manager is open. What a listener throws is an
 * uncaught exception of the process, as with every emitter; the events after it still come.
 */
export abstract class EventSource extends EventEmitter<Calls> {
  #reading: EventFeed | undefined

  static {
    for (const name of CHANGES) {
      const inherited: unknown = EventEmitter.prototype[name]
      const value = function (this: EventSource, ...given: unknown[]): unknown {
        const answer: unknown = Reflect.apply(inherited as () => unknown, this, given)
        this.listen()
        return answer
      }
      const property = { value, configurable: true, writable: true }
      Object.defineProperty(EventSource.prototype, name, property)
    }
  }

  /** A feed of everything; `undefined` while the manager is not open. @internal */
  protected abstract follow(): EventFeed | undefined

  /** Reads the feed if anybody listens, and only then. @internal */
  protected listen(): void {
    const wanted = NAMES.some((name) => this.listenerCount(name) > 0)
    if (!wanted) {
      void this.#reading?.return()
      this.#reading = undefined
    } else if (this.#reading === undefined) {
      this.#reading = this.follow()
      if (this.#reading !== undefined) void this.#read(this.#reading)
    }
  }

  async #read(feed: EventFeed): Promise<void> {
    for await (const event of feed) this.#tell(event)
    if (this.#reading === feed) this.#reading = undefined
  }

  #tell(event: ManagerEvent): void {
    try {
      this.emit(event.event, event as never)
    } catch (error) {
      process.nextTick(() => {
        throw error
      })
    }
  }
}
