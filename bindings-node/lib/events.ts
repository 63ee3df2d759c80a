/**
 * What happens, as it happens: the frames of the live feed.
 *
 * Written by hand, because the server's OpenAPI document describes no frames. A test holds them
 * against the feed of a real server.
 *
 * @packageDocumentation
 */
import type { Alert, EncoderHealth, PhaseTiming, StreamHealth, Time } from './documents.js'

/** Where an event stands among those of its subject: one stream, one encoder, or the alerts. */
export interface EventStamp {
  /** Grows by one for each event of the subject, so a gap shows a loss. */
  readonly sequence: number
  /** When it happened. */
  readonly timestamp: Time
}

/** One event of the feed, told apart by `event`. */
export interface EventFrame<Name extends string, Body> {
  /** Its name. */
  readonly event: Name
  /**
   * Its place in the whole feed, to resume after it; `null` for what the feed says about itself.
   */
  readonly id: number | null
  /** What it says. */
  readonly data: Body
}

/** Something went wrong with a stream. */
export interface StreamError {
  stream_id: string
  /** The encoder concerned. */
  encoder_id: string | null
  /** Issue code or error code. */
  code: string
  severity: Severity
  /** One line, without secrets. */
  message: string
}

/** How bad something is. */
export type Severity = 'info' | 'warning' | 'critical'

/** The phases of a failover in their order, and how it can end. */
export type FailoverPhase =
  'detect' | 'decide' | 'fence' | 'start' | 'confirm' | 'completed' | 'failed'

/** A failover entered its next phase. */
export interface StreamFailover {
  stream_id: string
  incident_id: string
  /** The request that asked for it; absent when the manager decided by itself. */
  request_id?: string
  /** The phase that begins, `completed` or `failed`. */
  phase: FailoverPhase
  /** The encoder that loses the stream. */
  from: string
  /** The encoder that gets it. */
  to: string
  /** Issue code. */
  reason: string
  /** Milliseconds since the first evidence of the fault. */
  elapsed_ms: number
  /** Phases that are over. */
  phases: PhaseTiming[]
  /** The address for players, when it changed. */
  rtmp_url?: string
  /** Why it failed, when it did. */
  message?: string
}

/** Events are missing between the previous one and the next. */
export interface Lagged {
  /** How many; 0 when that is not known. */
  lost: number
  /**
   * Whether more than health updates may be among them. Then read again what you keep: streams,
   * encoders and alerts.
   */
  resync: boolean
}

/** How a stream is doing: sent when something changed, and at intervals. */
export type StreamHealthEvent = EventFrame<'stream_health', StreamHealth & EventStamp>
/** How an encoder is doing: sent when something changed, and at intervals. */
export type HealthUpdateEvent = EventFrame<
  'health_update',
  Omit<EncoderHealth, 'streaming'> & EventStamp
>
/** Something went wrong with a stream. */
export type StreamErrorEvent = EventFrame<'stream_error', StreamError & EventStamp>
/** A failover entered its next phase. */
export type StreamFailoverEvent = EventFrame<'stream_failover', StreamFailover & EventStamp>
/** An alert was opened, acknowledged or resolved. */
export type AlertEvent = EventFrame<'alert', Alert & EventStamp>
/** Events were lost. */
export type LaggedEvent = EventFrame<'lagged', Lagged>

/**
 * An event of the live feed. Tell them apart by `event`:
 *
 * ```ts
 * if (event.event === 'stream_failover') console.log(event.data.from, event.data.to)
 * ```
 */
export type LiveEvent =
  | StreamHealthEvent
  | HealthUpdateEvent
  | StreamErrorEvent
  | StreamFailoverEvent
  | AlertEvent
  | LaggedEvent

/** The name of an event. */
export type LiveEventName = LiveEvent['event']

/** Every name of an event. */
export const EVENT_NAMES: readonly LiveEventName[] = Object.freeze([
  'stream_health',
  'health_update',
  'stream_error',
  'stream_failover',
  'alert',
  'lagged',
] as const)
