/** The live feed: server-sent events that survive broken connections. */
import { createParser, type EventSourceMessage } from 'eventsource-parser'

import { EVENT_NAMES, type LaggedEvent, type LiveEvent } from '../events.js'
import { EncoderError, type EncoderErrorClass } from '../errors.js'
import { readRetry, readTimeout } from './options.js'
import { fromProblem, ServerProtocolError, ServerUnreachableError } from './problem.js'
import { waitAfter, type RetryPolicy } from './retry.js'
import { Deadline, pause } from './time.js'
import type { Transport } from './transport.js'

/** Which events to get, and how. */
export interface EventOptions {
  /** Only this stream; with an encoder also this stream. Everything when neither is named. */
  readonly streamId?: string | undefined
  /** Only this encoder; with a stream also this encoder. */
  readonly encoderId?: string | undefined
  /** Goes on after this event: the `id` of the last one that was dealt with. */
  readonly lastEventId?: number | undefined
  /** Ends the feed: the loop throws its reason. */
  readonly signal?: AbortSignal | undefined
  /**
   * A connection that is silent for so long is broken; 45 s unless given. The server gives a sign of
   * life every 15 s unless it is configured otherwise.
   */
  readonly silenceMs?: number | undefined
  /**
   * How often in a row to look for a server that was there before giving up; 20 attempts unless
   * given, which is some minutes. An event or a sign of life starts the count anew.
   */
  readonly retry?: Partial<RetryPolicy> | undefined
}

const DEFAULT_SILENCE_MS = 45_000
const DEFAULT_RETRY: RetryPolicy = { attempts: 20, firstWaitMs: 250, longestWaitMs: 30_000 }

/** More than any event has; whoever sends more is no server of ours. */
const LONGEST_EVENT = 4 * 1024 * 1024

/** Where a feed stands. */
interface Position {
  /** The last event that was handed over. */
  lastId: number | undefined
  /** Whether there was a connection before. */
  connected: boolean
  /** Connections in a row that broke without a sign of life. */
  failed: number
}

/** See {@link Client.events}. */
export async function* follow(
  transport: Transport,
  options: EventOptions,
): AsyncGenerator<LiveEvent, void, undefined> {
  const policy = readRetry(options.retry, DEFAULT_RETRY)
  const position: Position = { lastId: options.lastEventId, connected: false, failed: 0 }
  for (;;) {
    try {
      for await (const event of connection(transport, options, position)) {
        if (event !== undefined) yield event
      }
      // The server ended it without a word: it is gone, or we were too slow for it.
      throw brokenOff(transport)
    } catch (error) {
      position.failed += 1
      const attempts = position.connected ? policy.attempts : firstAttempts(policy)
      await waitOrThrow(error, position.failed, { ...policy, attempts }, options.signal)
    }
  }
}

/** A server that never answered is more likely at another address than about to come back. */
function firstAttempts(policy: RetryPolicy): number {
  return Math.min(policy.attempts, 4)
}

/** Waits until it is worth another attempt, or says why it is not. */
async function waitOrThrow(
  error: unknown,
  failed: number,
  policy: RetryPolicy,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (!(error instanceof EncoderError) || error.retry !== 'safe') throw error
  const seconds = error.context['retry_after_seconds']
  const retryAfterMs = seconds === undefined ? undefined : Number(seconds) * 1000
  const wait = waitAfter(failed, { retryAfterMs }, policy, Math.random())
  if (wait === undefined) throw exhausted(error)
  await pause(wait, signal)
}

function exhausted(error: EncoderError): EncoderError {
  const Same = error.constructor as EncoderErrorClass
  return new Same(error.message, { ...error.toJSON(), retry: 'exhausted', cause: error.cause })
}

/** One connection: its events, and `undefined` for signs of life. */
async function* connection(
  transport: Transport,
  options: EventOptions,
  position: Position,
): AsyncGenerator<LiveEvent | undefined, void, undefined> {
  const silenceMs = readTimeout(options.silenceMs ?? DEFAULT_SILENCE_MS, 'silenceMs')
  const deadline = new Deadline(silenceMs, options.signal)
  try {
    const response = await transport.open(request(transport, options, position), 'events', deadline)
    // Without an id to go on from, nobody knows what happened since the last connection.
    if (position.connected && position.lastId === undefined) yield lost()
    position.connected = true
    for await (const message of messages(transport, response, deadline)) {
      position.failed = 0
      const event = message && read(message)
      if (event?.id != null) position.lastId = event.id
      yield event
    }
  } finally {
    deadline.end()
  }
}

function request(transport: Transport, options: EventOptions, position: Position): Request {
  const url = new URL(`${transport.url}/api/events`)
  if (options.streamId !== undefined) url.searchParams.set('stream_id', options.streamId)
  if (options.encoderId !== undefined) url.searchParams.set('encoder_id', options.encoderId)
  const headers = new Headers({ accept: 'text/event-stream' })
  if (position.lastId !== undefined) headers.set('last-event-id', String(position.lastId))
  return new Request(url, { headers })
}

/** The messages of an answer while it arrives; `undefined` for other signs of life. */
async function* messages(
  transport: Transport,
  response: Response,
  deadline: Deadline,
): AsyncGenerator<EventSourceMessage | undefined, void, undefined> {
  if (!/^text\/event-stream\b/.test(response.headers.get('content-type') ?? '')) throw noFeed()
  const arrived: (EventSourceMessage | undefined)[] = []
  const parser = createParser({
    maxBufferSize: LONGEST_EVENT,
    onEvent: (message) => arrived.push(message),
    onComment: () => arrived.push(undefined),
    onError: (error) => {
      if (error.type === 'max-buffer-size-exceeded') throw noFeed()
    },
  })
  const text = new TextDecoder()
  try {
    for await (const chunk of response.body ?? []) {
      parser.feed(text.decode(chunk, { stream: true }))
      // The time that somebody takes for an event is not the server's silence.
      deadline.pause()
      yield* arrived.splice(0)
      deadline.restart()
    }
  } catch (error) {
    if (error instanceof EncoderError) throw error
    throw transport.lost(error, 'events', deadline).error('safe')
  }
}

const NAMES: ReadonlySet<string> = new Set(EVENT_NAMES)

/** `undefined` for an event that this version does not know. */
function read(message: EventSourceMessage): LiveEvent | undefined {
  const { event, id, data } = message
  if (event === undefined) return undefined
  const body = parse(data)
  if (event === 'end') throw ended(body)
  if (!NAMES.has(event)) return undefined
  const number = id !== undefined && /^\d+$/.test(id) ? Number(id) : null
  return { event, id: number, data: body } as LiveEvent
}

function parse(data: string): unknown {
  try {
    return JSON.parse(data)
  } catch {
    throw noFeed()
  }
}

/** The server says why it ends the feed: it stops, or the key is no longer accepted. */
function ended(body: unknown): EncoderError {
  const code = String((body as { code?: unknown } | null)?.code)
  const stops = code === 'shutting_down'
  const detail = stops ? 'the server stops' : 'the server ended the feed: the API key is refused'
  const status = stops ? 503 : 401
  const problem = { type: '', title: '', status, detail, code }
  const known = { operation: 'events', retry: stops ? 'safe' : 'never' } as const
  return fromProblem(problem, known)
}

function lost(): LaggedEvent {
  return { event: 'lagged', id: null, data: { lost: 0, resync: true } }
}

function brokenOff(transport: Transport): ServerUnreachableError {
  const message = `${transport.url}: the feed broke off`
  return new ServerUnreachableError(message, {
    code: 'server_unreachable',
    operation: 'events',
    retry: 'safe',
  })
}

function noFeed(): ServerProtocolError {
  const message = 'the answer is not the live feed; does the address lead to the server itself?'
  return new ServerProtocolError(message, { code: 'server_protocol', operation: 'events' })
}
