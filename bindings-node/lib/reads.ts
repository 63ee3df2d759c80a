/** What a manager knows. */
import { inspect } from 'node:util'

import type {
  Alert,
  AlertSink,
  Encoder,
  EncoderAssignments,
  EncoderHealthAnswer,
  EncoderMetrics,
  EncoderStatus,
  FleetCounts,
  LoadBalancer,
  Notification,
  OccurrenceDto,
  Silence,
  Storage,
  Stream as StreamDocument,
  StreamHealth,
  Thermal,
} from './documents.js'
import { readOptions, split } from './encode.js'
import { Engine, type State } from './engine.js'
import type { Severity } from './events.js'
import { EventFeed, EventSource } from './live.js'
import type { ManagerConfig, ManagerOptions } from './options.js'
import { idOf, type StreamOrId } from './stream-id.js'

/** Where the native manager is kept. @internal */
export const ENGINE = Symbol('engine')

/** Which errors are asked for. */
export interface ErrorQuery {
  /** RFC 3339. */
  readonly from?: string | undefined
  /** RFC 3339. */
  readonly to?: string | undefined
  readonly pattern?: string | undefined
  readonly encoder_id?: string | undefined
  readonly site?: string | undefined
  readonly destination?: string | undefined
  readonly severity?: Severity | undefined
}

/** Which notifications are asked for. */
export interface NoticeQuery {
  readonly sink?: string | undefined
  readonly state?: 'held' | 'pending' | 'sent' | 'digested' | 'dead_letter' | undefined
  /** RFC 3339. */
  readonly from?: string | undefined
  /** RFC 3339. */
  readonly to?: string | undefined
}

/** Which events are asked for. */
export interface EventOptions {
  /** Only those of this stream. */
  readonly stream?: StreamOrId | undefined
  /** Only those of this encoder. */
  readonly encoder?: string | undefined
  /** From after the event of this id, as far as it is remembered; otherwise from now on. */
  readonly after?: number | undefined
  /** Ends the feed: its `next` rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

/**
 * What a manager knows. These answer at once and wait for nothing.
 *
 * Each throws a {@link ConflictError} before the manager is open and a {@link ShuttingDownError} once
 * it is closed.
 */
export abstract class ManagerReads extends EventSource {
  /** @internal */
  readonly [ENGINE]: Engine

  /** @internal */
  constructor(options: ManagerOptions | undefined) {
    super()
    this[ENGINE] = new Engine(options)
  }

  /** Where it stands between its opening and its end. */
  get state(): State {
    return this[ENGINE].state
  }

  /** The settings, with what was left out of them. */
  get config(): ManagerConfig {
    return this[ENGINE].read('config')
  }

  /** All encoders, by name. */
  encoders(): Encoder[] {
    return this[ENGINE].read('encoders')
  }

  /** @throws {@link NotFoundError} */
  encoder(id: string): Encoder {
    return this[ENGINE].read('encoder', { encoder_id: id })
  }

  /** What an encoder says about itself. @throws {@link NotFoundError} */
  encoderStatus(id: string): EncoderStatus {
    return this[ENGINE].read('encoder_status', { encoder_id: id })
  }

  /** The figures of an encoder. @throws {@link NotFoundError} */
  encoderMetrics(id: string): EncoderMetrics {
    return this[ENGINE].read('encoder_metrics', { encoder_id: id })
  }

  /** How an encoder is doing, as last seen. @throws {@link NotFoundError} */
  encoderHealth(id: string): EncoderHealthAnswer {
    return this[ENGINE].read('encoder_health', { encoder_id: id })
  }

  /** How many encoders are in which state. */
  fleetCounts(): FleetCounts {
    return this[ENGINE].read('fleet_counts')
  }

  /** The streams that an encoder serves, and stands by for. @throws {@link NotFoundError} */
  assignments(id: string): EncoderAssignments {
    return this[ENGINE].read('assignments', { encoder_id: id })
  }

  /**
   * Everything known of a stream. Its key is masked unless it is asked for.
   *
   * @throws {@link NotFoundError}
   */
  streamDocument(
    stream: StreamOrId,
    options?: { readonly revealKey?: boolean | undefined },
  ): StreamDocument {
    const { revealKey } = readOptions('stream', options, ['revealKey'])
    return this[ENGINE].read('stream', { stream_id: idOf(stream), reveal_key: revealKey })
  }

  /** All streams, ended ones included while they are remembered. Their keys are masked. */
  streamDocuments(): StreamDocument[] {
    return this[ENGINE].read('streams')
  }

  /** How a stream is doing. @throws {@link NotFoundError} */
  streamHealth(stream: StreamOrId): StreamHealth {
    return this[ENGINE].read('stream_health', { stream_id: idOf(stream) })
  }

  /** What a balancer sees of the fleet. */
  loadBalancer(): LoadBalancer {
    return this[ENGINE].read('load_balancer')
  }

  /** How hot every encoder is. */
  thermals(): Thermal[] {
    return this[ENGINE].read('thermals')
  }

  /** How hot an encoder is. @throws {@link NotFoundError} */
  thermal(id: string): Thermal {
    return this[ENGINE].read('thermal', { encoder_id: id })
  }

  /** The recording media of an encoder, or of all. @throws {@link NotFoundError} */
  storage(encoder?: string): Storage {
    return this[ENGINE].read('storage', { encoder_id: encoder })
  }

  /** Errors that are remembered, newest first. */
  errors(query: ErrorQuery = {}): OccurrenceDto[] {
    const known = ['from', 'to', 'pattern', 'encoder_id', 'site', 'destination', 'severity']
    return this[ENGINE].read('errors', readOptions('errors', query, known))
  }

  /** Alerts, newest first. */
  alerts(): Alert[] {
    return this[ENGINE].read('alerts')
  }

  /** Silences that are not long over. */
  silences(): Silence[] {
    return this[ENGINE].read('silences')
  }

  /** What was sent to whom, and what could not be. */
  notices(query: NoticeQuery = {}): Notification[] {
    const known = ['sink', 'state', 'from', 'to']
    return this[ENGINE].read('notices', readOptions('notices', query, known))
  }

  /** Whom alerts are sent to. */
  alertSinks(): AlertSink[] {
    return this[ENGINE].read('alert_sinks')
  }

  /** All figures in Prometheus' text format. */
  renderMetrics(): string {
    return this[ENGINE].read('render_metrics')
  }

  /** Whether it commands its encoders; `false` while another manager has the lease. */
  isReady(): boolean {
    return this[ENGINE].read('is_ready')
  }

  /**
   * What happens, from now on: `for await (const event of manager.events())`. Leaving the loop ends
   * it, and so does closing the manager.
   */
  events(options?: EventOptions): EventFeed {
    const known = ['stream', 'encoder', 'after'] as const
    const [{ stream, encoder, after }, { signal }] = split('events', options, known)
    const feed = this[ENGINE].feed({ stream_id: idOf(stream), encoder_id: encoder, after })
    return new EventFeed(feed, signal)
  }

  /** @internal */
  protected override follow(): EventFeed | undefined {
    return this.state === 'open' ? new EventFeed(this[ENGINE].feed({}), undefined) : undefined
  }

  /** @internal */
  [inspect.custom](): string {
    return `${this.constructor.name} { ${this.state} }`
  }
}
