/** A stream of a manager. */
import { inspect } from 'node:util'

import type { UpdateOptions, WaitOptions } from './acts.js'
import type { CallOptions } from './bridge.js'
import type {
  FailoverAccepted,
  FailoverRequest,
  Stream as StreamDocument,
  StreamConfigAnswer,
  StreamConfigPatch,
  StreamHealth,
  TimelineEntry,
} from './documents.js'
import { split } from './encode.js'
import type { EventFeed } from './live.js'
import type { Manager } from './manager.js'

/** A stream. What it tells is of now; it remembers only its id, its key and its first address. */
export class Stream {
  /** Names it. */
  readonly id: string
  /** Where its encoder published when this was read. */
  readonly rtmpUrl: string
  readonly #manager: Manager
  readonly #key: string

  private constructor(manager: Manager, document: StreamDocument) {
    this.id = document.stream_id
    this.rtmpUrl = document.rtmp_url
    this.#key = document.stream_key
    this.#manager = manager
  }

  /** @internal */
  static of(manager: Manager, document: StreamDocument): Stream {
    return new Stream(manager, document)
  }

  /**
   * What its encoder proves itself with: in clear where the stream was just started, otherwise
   * masked; {@link Stream.revealKey} shows it.
   */
  get streamKey(): string {
    return this.#key
  }

  /**
   * `starting`, `live`, `degraded`, `failing_over`, `stopping`, `stopped` or `failed`.
   *
   * @throws {@link NotFoundError} once it is forgotten
   */
  get state(): string {
    return this.document().state
  }

  /** Everything known of it; its key is masked. @throws {@link NotFoundError} once forgotten */
  document(): StreamDocument {
    return this.#manager.streamDocument(this.id)
  }

  /** How it is doing. @throws {@link NotFoundError} once it is forgotten */
  health(): StreamHealth {
    return this.#manager.streamHealth(this.id)
  }

  /** The stream key in clear. @throws {@link NotFoundError} once it is forgotten */
  revealKey(): string {
    return this.#manager.streamDocument(this.id, { revealKey: true }).stream_key
  }

  /**
   * Waits until the device itself reports that it is on air. When that takes too long, it is stopped.
   *
   * @throws {@link DeadlineExceededError}
   */
  async waitLive(options?: WaitOptions): Promise<this> {
    await this.#manager.waitLive(this.id, options)
    return this
  }

  /** Changes its encoding settings; what is left out stays. */
  async update(changes: StreamConfigPatch, options?: UpdateOptions): Promise<StreamConfigAnswer> {
    return this.#manager.updateStream(this.id, changes, options)
  }

  /** Stops it and releases its encoders. */
  async stop(options?: CallOptions): Promise<StreamDocument> {
    return this.#manager.stopStream(this.id, options)
  }

  /** Moves it to another encoder. */
  async failover(request?: FailoverRequest, options?: CallOptions): Promise<FailoverAccepted> {
    return this.#manager.failover(this.id, request, options)
  }

  /** Moves it to its backup and back again, to see that it would. */
  async drill(request?: FailoverRequest, options?: CallOptions): Promise<FailoverAccepted> {
    return this.#manager.drill(this.id, request, options)
  }

  /** What happened to it. */
  async timeline(options?: CallOptions): Promise<TimelineEntry[]> {
    return this.#manager.timeline(this.id, options)
  }

  /** What happens to it, from now on: `for await (const event of stream.events())`. */
  events(options?: CallOptions): EventFeed {
    const [, { signal }] = split('events', options, [])
    return this.#manager.events({ signal, stream: this.id })
  }

  /** @internal */
  [inspect.custom](): string {
    return `Stream { ${this.id} }`
  }
}
