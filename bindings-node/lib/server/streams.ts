/** Streams of a server. */
import { randomUUID } from 'node:crypto'

import type {
  FailoverAccepted,
  FailoverRequest,
  PageStream,
  PageTimelineEntry,
  Stream,
  StreamConfigAnswer,
  StreamConfigPatch,
  StreamHealth,
  StreamRequest,
  TimelineEntry,
} from '../documents.js'
import { ConflictError, DeadlineExceededError, EncoderError } from '../errors.js'
import type { Api } from './api.js'
import { readTimeout, type CallOptions } from './options.js'
import { everyItem } from './pages.js'
import { split, type Query } from './query.js'
import { ifMatch, type RevisionOptions } from './revision.js'
import { Deadline, pause } from './time.js'

/** How to start a stream. */
export interface StartOptions extends CallOptions {
  /**
   * Names this start: the same name and request within 24 hours is one stream and one answer. A new
   * one is made for each call unless given. Give one that you keep to survive a crash of your own
   * program.
   */
  readonly idempotencyKey?: string
  /**
   * Answers only once the device itself reports that it streams. The server releases the stream and
   * answers with a {@link DeadlineExceededError} when that takes too long.
   */
  readonly waitLive?: boolean
}

/** How long to wait for a stream. */
export interface WaitOptions extends CallOptions {
  /** Milliseconds in all; 30 s unless given. */
  readonly deadlineMs?: number
}

/** The server waits 30 s for a stream unless it is configured otherwise. */
const WAIT_LIVE_TIMEOUT_MS = 120_000
const WAIT_DEADLINE_MS = 30_000
/** Between looks at a stream: soon at first, then less often than a key may ask. */
const FIRST_LOOKS_MS = 200
const LATER_LOOKS_MS = 1_000

/** Starts, watches, changes and stops streams: {@link Client.streams}. */
export class Streams {
  readonly #api: Api

  /** @internal */
  constructor(api: Api) {
    this.#api = api
  }

  /**
   * Starts a stream. Its answer is the only one that shows the stream key.
   *
   * It is safe to repeat, and repeated when the answer gets lost: see
   * {@link StartOptions.idempotencyKey}.
   */
  start(request: StreamRequest, options: StartOptions = {}): Promise<Stream> {
    const { idempotencyKey = randomUUID(), waitLive = false, ...call } = options
    const timeoutMs = call.timeoutMs ?? (waitLive ? WAIT_LIVE_TIMEOUT_MS : undefined)
    const params = {
      header: { 'Idempotency-Key': idempotencyKey },
      query: waitLive ? { wait: 'live' } : {},
    }
    return this.#api.call('streams.start', 'always', { ...call, timeoutMs }, (requests, route) =>
      requests.POST('/api/streams/init', { ...route, params, body: request }),
    )
  }

  /**
   * Waits until a stream is on air: `live`, or `degraded`. Ends nothing when it gives up.
   *
   * @throws {@link ConflictError} when the stream failed or was stopped,
   * {@link DeadlineExceededError} when the time is over
   */
  async waitLive(id: string, options: WaitOptions = {}): Promise<Stream> {
    const { deadlineMs = WAIT_DEADLINE_MS, ...call } = options
    const deadline = new Deadline(readTimeout(deadlineMs, 'deadlineMs'), call.signal)
    const looking = { ...call, signal: deadline.signal }
    let seen: Stream | undefined
    try {
      for (let looks = 1; ; looks += 1) {
        seen = await this.get(id, looking)
        if (seen.state === 'live' || seen.state === 'degraded') return seen
        if (['stopping', 'stopped', 'failed'].includes(seen.state)) throw offAir(seen)
        await pause(looks < 5 ? FIRST_LOOKS_MS : LATER_LOOKS_MS, deadline.signal)
      }
    } catch (error) {
      const isOver = deadline.expired && !(error instanceof EncoderError)
      throw isOver ? notYet(id, seen?.state, deadlineMs) : error
    } finally {
      deadline.clear()
    }
  }

  /** A page of the streams, by id, recently stopped ones included. */
  list(options: Query<'get_api_streams'> = {}): Promise<PageStream> {
    const [call, query] = split(options)
    return this.#api.read('streams.list', call, (requests, route) =>
      requests.GET('/api/streams', { ...route, params: { query } }),
    )
  }

  /** Every stream, page by page: `for await (const stream of client.streams.all())`. */
  all(options: Query<'get_api_streams'> = {}): AsyncGenerator<Stream, void, undefined> {
    return everyItem(options.cursor, (cursor) => this.list({ ...options, cursor }))
  }

  /** One stream, with its ETag for `ifMatch`. `reveal: 'key'` shows the stream key in clear. */
  get(id: string, options: Query<'get_api_streams__id'> = {}): Promise<Stream> {
    const [call, query] = split(options)
    return this.#api.read('streams.get', call, (requests, route) =>
      requests.GET('/api/streams/{id}', { ...route, params: { path: { id }, query } }),
    )
  }

  /** How a stream is doing. */
  health(id: string, options: CallOptions = {}): Promise<StreamHealth> {
    return this.#api.read('streams.health', options, (requests, route) =>
      requests.GET('/api/streams/{id}/health', { ...route, params: { path: { id } } }),
    )
  }

  /**
   * Changes the encoding settings; what is left out stays. The backup gets them before the answer,
   * or the answer says why it is not ready.
   */
  update(
    id: string,
    patch: StreamConfigPatch,
    options: CallOptions & RevisionOptions<Stream | StreamConfigAnswer> = {},
  ): Promise<StreamConfigAnswer> {
    const header = ifMatch(options)
    const repeatability = options.ifMatch === undefined ? 'always' : 'when_refused'
    return this.#api.call('streams.update', repeatability, options, (requests, route) => {
      const params = { path: { id }, header }
      return requests.PUT('/api/streams/{id}/config', { ...route, params, body: patch })
    })
  }

  /** Stops a stream and releases its encoders. Stopping it twice changes nothing. */
  stop(id: string, options: CallOptions = {}): Promise<Stream> {
    return this.#api.call('streams.stop', 'always', options, (requests, route) =>
      requests.DELETE('/api/streams/{id}', { ...route, params: { path: { id } } }),
    )
  }

  /** Moves a stream to another encoder. Never repeated: it would move twice. */
  failover(
    id: string,
    request: FailoverRequest = {},
    options: CallOptions = {},
  ): Promise<FailoverAccepted> {
    return this.#api.call('streams.failover', 'never', options, (requests, route) => {
      const params = { path: { id } }
      return requests.POST('/api/streams/{id}/failover', { ...route, params, body: request })
    })
  }

  /**
   * Rehearses a failover: moves the stream, measures, and returns to the original encoder. The
   * stream's timeline has the measurement. Never repeated.
   */
  drill(
    id: string,
    request: FailoverRequest = {},
    options: CallOptions = {},
  ): Promise<FailoverAccepted> {
    return this.#api.call('streams.drill', 'never', options, (requests, route) => {
      const params = { path: { id } }
      return requests.POST('/api/streams/{id}/drill', { ...route, params, body: request })
    })
  }

  /** A page of everything that happened to a stream, and why. */
  timeline(
    id: string,
    options: Query<'get_api_streams__id__timeline'> = {},
  ): Promise<PageTimelineEntry> {
    const [call, query] = split(options)
    return this.#api.read('streams.timeline', call, (requests, route) => {
      const params = { path: { id }, query }
      return requests.GET('/api/streams/{id}/timeline', { ...route, params })
    })
  }

  /** All of it, page by page. */
  wholeTimeline(
    id: string,
    options: Query<'get_api_streams__id__timeline'> = {},
  ): AsyncGenerator<TimelineEntry, void, undefined> {
    return everyItem(options.cursor, (cursor) => this.timeline(id, { ...options, cursor }))
  }

  /** A picture of what the ingest receives, as a JPEG; it may be five seconds old. */
  async thumbnail(id: string, options: CallOptions = {}): Promise<Uint8Array> {
    const picture = await this.#api.read('streams.thumbnail', options, (requests, route) => {
      const params = { path: { id } }
      const parseAs = 'arrayBuffer' as const
      return requests.GET('/api/streams/{id}/thumbnail', { ...route, params, parseAs })
    })
    return new Uint8Array(picture)
  }
}

function offAir(stream: Stream): ConflictError {
  const why = stream.failure ?? 'somebody stopped it'
  return new ConflictError(`the stream is ${stream.state}: ${why}`, {
    code: 'conflict',
    operation: 'streams.waitLive',
    context: { stream: stream.stream_id },
  })
}

function notYet(id: string, state: string | undefined, ms: number): DeadlineExceededError {
  const message = `after ${ms} ms the stream is ${state ?? 'unknown: the server did not answer'}`
  return new DeadlineExceededError(message, {
    code: 'deadline_exceeded',
    operation: 'streams.waitLive',
    retry: 'safe',
    context: { stream: id },
  })
}
