/** Documents of a manager in this process that a server has in another form, or not at all. */
import type {
  EncoderPerformance,
  EventRates,
  LatencyDistribution,
  Time,
  Trend,
} from './documents.js'

/** Whether somebody may publish. */
export interface PublishVerdict {
  allowed: boolean
  /** Why, as one word. */
  verdict: string
  /** The stream of the key, where it is known. */
  stream_id: string | null
  /** The encoder that is taken to be the publisher. */
  encoder_id: string | null
  /** Whether another publisher was dropped to make room. */
  dropped: boolean
  /** Why not, in one line. */
  reason: string | null
}

/** What a manager knows of its own performance. */
export interface ManagerPerformance {
  timestamp: Time
  /** How long news of a device take to the feed; `null` before the first. */
  event_delivery: LatencyDistribution | null
  /** How often each kind of event happens. */
  events: Record<string, EventRates>
  /** Events that some part of the manager or some feed has not taken yet. */
  event_bus: number
  /** Commands that wait for the tasks of all streams. */
  stream_commands_total: number
  /** Commands that wait for the task with the most of them. */
  stream_commands_max: number
  /** Commands that wait for the store; `null` for a store without a queue. */
  store: number | null
  /** Where the manager's own figures are heading. */
  trends: Trend[]
  /** The same of each encoder. */
  encoders: EncoderPerformance[]
}
