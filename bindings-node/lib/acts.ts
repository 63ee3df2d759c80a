/** What a manager can be told to do. */
import type { ManagerPerformance, PublishVerdict } from './answers.js'
import type { CallOptions } from './bridge.js'
import type {
  ActionRequest,
  Alert,
  AlertMatcher,
  ControlOutcome,
  Encoder,
  EncoderHealthAnswer,
  EncoderRequest,
  ErrorAnalysisDto,
  FailoverAccepted,
  FailoverRequest,
  History,
  Notification,
  Silence,
  SilenceRequest,
  SinkTest,
  Stream as StreamDocument,
  StreamConfigAnswer,
  StreamConfigPatch,
  Thermal,
  TimelineEntry,
} from './documents.js'
import { readOptions, split } from './encode.js'
import { ENGINE, ManagerReads } from './reads.js'
import { idOf, type StreamOrId } from './stream-id.js'

/** How to write only what was read. */
export interface UpdateOptions extends CallOptions {
  /**
   * The write fails with a {@link RevisionMismatchError} unless the record still has this revision:
   * the `revision` of a document that was read.
   */
  readonly expectRevision?: number | undefined
}

/** How to remove an encoder. */
export interface RemoveOptions extends CallOptions {
  /** Moves its streams away first, instead of refusing while it serves one. */
  readonly drain?: boolean | undefined
}

/** How long to wait for a stream. */
export interface WaitOptions extends CallOptions {
  /** Milliseconds in all; 30 s unless given. */
  readonly deadlineMs?: number | undefined
}

/** Which figures of the past are asked for; the last hour of the manager itself unless said. */
export interface HistoryQuery {
  readonly encoder_id?: string | undefined
  /** RFC 3339. */
  readonly from?: string | undefined
  /** RFC 3339. */
  readonly to?: string | undefined
  readonly step_seconds?: number | undefined
  /** Names of figures; all of them unless given. */
  readonly metrics?: readonly string[] | undefined
}

/** Which alerts nobody shall be told about, and until when. */
export type SilenceWish = Omit<SilenceRequest, 'match'> & {
  /** Alerts that match all of it; at least one thing is named. */
  readonly match: Partial<AlertMatcher>
}

/** Somebody who begins to publish. */
export interface PublishAttempt {
  readonly stream_key: string
  readonly url?: string | undefined
  readonly address?: string | undefined
  readonly agent?: string | undefined
}

/** The server waits as long, unless it is configured otherwise. */
export const WAIT_DEADLINE_MS = 30_000

/**
 * What a manager can be told to do. Each rejects with an {@link EncoderError}, or with the reason of
 * its signal, which drops what was under way.
 */
export abstract class ManagerActs extends ManagerReads {
  /** Registers an encoder and starts watching it. @throws {@link AlreadyExistsError} */
  async addEncoder(encoder: EncoderRequest, options?: CallOptions): Promise<Encoder> {
    return this[ENGINE].act('add_encoder', { encoder }, options)
  }

  /**
   * Changes a registration. What is left out gets its default, except the password, which stays.
   *
   * @throws {@link NotFoundError}, {@link RevisionMismatchError}
   */
  async updateEncoder(
    id: string,
    encoder: EncoderRequest,
    options?: UpdateOptions,
  ): Promise<Encoder> {
    const [{ expectRevision: expect_revision }, call] = split('updateEncoder', options, [
      'expectRevision',
    ])
    const given = { encoder_id: id, encoder, expect_revision }
    return this[ENGINE].act('update_encoder', given, call)
  }

  /** Takes an encoder out of the fleet. @throws {@link NotFoundError}, {@link ConflictError} */
  async removeEncoder(id: string, options?: RemoveOptions): Promise<void> {
    const [{ drain }, call] = split('removeEncoder', options, ['drain'])
    await this[ENGINE].act('remove_encoder', { encoder_id: id, drain }, call)
  }

  /**
   * Tells an encoder to do something, and looks whether it did: an action with its arguments, or its
   * name where it has none.
   *
   * @throws {@link UnsupportedError}; {@link ConflictError} where it would break a stream
   */
  async control(
    id: string,
    action: ActionRequest | string,
    options?: CallOptions,
  ): Promise<ControlOutcome> {
    const told = typeof action === 'string' ? { action } : action
    return this[ENGINE].act('control', { encoder_id: id, action: told }, options)
  }

  /** Asks an encoder how it is, now. One that does not answer is in the answer as what it is. */
  async monitorEncoder(id: string, options?: CallOptions): Promise<EncoderHealthAnswer> {
    return this[ENGINE].act('monitor_encoder', { encoder_id: id }, options)
  }

  /**
   * Waits until the device itself reports that the stream is on air. When that takes too long, the
   * stream is stopped.
   *
   * @throws {@link DeadlineExceededError}
   */
  async waitLive(stream: StreamOrId, options?: WaitOptions): Promise<StreamDocument> {
    const [{ deadlineMs }, call] = split('waitLive', options, ['deadlineMs'])
    const deadline_seconds = secondsOf(deadlineMs ?? WAIT_DEADLINE_MS)
    return this[ENGINE].act('wait_live', { stream_id: idOf(stream), deadline_seconds }, call)
  }

  /** Changes the encoding settings of a stream; what is left out stays. */
  async updateStream(
    stream: StreamOrId,
    changes: StreamConfigPatch,
    options?: UpdateOptions,
  ): Promise<StreamConfigAnswer> {
    const [{ expectRevision: expect_revision }, call] = split('updateStream', options, [
      'expectRevision',
    ])
    const given = { stream_id: idOf(stream), changes, expect_revision }
    return this[ENGINE].act('update_stream', given, call)
  }

  /** Stops a stream and releases its encoders. */
  async stopStream(stream: StreamOrId, options?: CallOptions): Promise<StreamDocument> {
    return this[ENGINE].act('stop_stream', { stream_id: idOf(stream) }, options)
  }

  /** Moves a stream to another encoder. The events `stream_failover` tell how it goes on. */
  async failover(
    stream: StreamOrId,
    request: FailoverRequest = {},
    options?: CallOptions,
  ): Promise<FailoverAccepted> {
    return this[ENGINE].act('failover', { stream_id: idOf(stream), request }, options)
  }

  /** Moves a stream to its backup and back again, to see that it would. */
  async drill(
    stream: StreamOrId,
    request: FailoverRequest = {},
    options?: CallOptions,
  ): Promise<FailoverAccepted> {
    return this[ENGINE].act('drill', { stream_id: idOf(stream), request }, options)
  }

  /** What happened to a stream. */
  async timeline(stream: StreamOrId, options?: CallOptions): Promise<TimelineEntry[]> {
    return this[ENGINE].act('timeline', { stream_id: idOf(stream) }, options)
  }

  /** Whether somebody may publish: for programs that their ingest asks. */
  async authorizePublisher(
    attempt: PublishAttempt,
    options?: CallOptions,
  ): Promise<PublishVerdict> {
    const known = ['stream_key', 'url', 'address', 'agent']
    const given = readOptions('authorizePublisher', attempt, known)
    return this[ENGINE].act('authorize_publisher', given, options)
  }

  /** Takes load off an encoder until it is cool. */
  async coolDown(id: string, options?: CallOptions): Promise<Thermal> {
    return this[ENGINE].act('cool_down', { encoder_id: id }, options)
  }

  /** Figures of the past. */
  async history(query: HistoryQuery = {}, options?: CallOptions): Promise<History> {
    const known = ['encoder_id', 'from', 'to', 'step_seconds', 'metrics']
    return this[ENGINE].act('history', readOptions('history', query, known), options)
  }

  /** Which errors belong together, where they come from, and what to do. */
  async errorAnalysis(options?: CallOptions): Promise<ErrorAnalysisDto> {
    return this[ENGINE].act('error_analysis', {}, options)
  }

  /** The manager's own performance, and that of one encoder or of all. */
  async performance(encoder?: string, options?: CallOptions): Promise<ManagerPerformance> {
    return this[ENGINE].act('performance', { encoder_id: encoder }, options)
  }

  /** Says that somebody looks after an alert. */
  async acknowledgeAlert(id: string, options?: CallOptions): Promise<Alert> {
    return this[ENGINE].act('acknowledge_alert', { alert_id: id }, options)
  }

  /** Tells nobody about matching alerts for a while. */
  async silenceAlerts(silence: SilenceWish, options?: CallOptions): Promise<Silence> {
    return this[ENGINE].act('silence_alerts', { silence }, options)
  }

  /** Ends a silence early. */
  async endSilence(id: string, options?: CallOptions): Promise<Silence> {
    return this[ENGINE].act('end_silence', { silence_id: id }, options)
  }

  /** Sends a notification again that could not be delivered. */
  async retryNotice(id: string, options?: CallOptions): Promise<Notification> {
    return this[ENGINE].act('retry_notice', { notice_id: id }, options)
  }

  /** Sends a test alert to a sink, and tells what became of it. */
  async testAlertSink(name: string, options?: CallOptions): Promise<SinkTest> {
    return this[ENGINE].act('test_alert_sink', { sink: name }, options)
  }
}

/** Seconds of milliseconds; what is no number stays, to be refused where its name is known. */
export function secondsOf(ms: unknown): unknown {
  return typeof ms === 'number' ? ms / 1_000 : ms
}
