/** Requests on their way: attempts, time limits, and what becomes of failures. */
import { EncoderError, type Retry } from '../errors.js'
import { readRetry, readTimeout, type CallOptions, type Settings } from './options.js'
import { fromProblem, readProblem, ServerProtocolError, ServerUnreachableError } from './problem.js'
import { mayRepeat, readRetryAfter, waitAfter, type Failure, type Repeatability } from './retry.js'
import { Deadline, pause } from './time.js'

/** A call of a client's method. */
export interface Call {
  /** The method, for errors, such as `streams.start`. */
  readonly operation: string
  readonly repeatability: Repeatability
  readonly options: CallOptions
}

/** An attempt that failed, and the error for it if there is to be no other. */
interface Failed {
  readonly failure: Failure
  readonly error: (retry: Retry) => EncoderError
}

/** Refusals that pass by themselves, those of a proxy before a server that restarts among them. */
const PASSING: ReadonlySet<number> = new Set([429, 502, 503, 504])

/** Makes requests to one server with one key. */
export class Transport {
  readonly #settings: Settings

  constructor(settings: Settings) {
    this.#settings = settings
  }

  /** The server's address, without a slash at the end. */
  get url(): string {
    return this.#settings.url
  }

  /**
   * Sends the request until it succeeds or may not be repeated. The answer's body is there as a
   * whole.
   *
   * @throws {@link EncoderError}; the reason of the call's signal
   */
  async send(request: Request, call: Call): Promise<Response> {
    const policy = readRetry(call.options.retry, this.#settings.retry)
    const timeoutMs = readTimeout(call.options.timeoutMs ?? this.#settings.timeoutMs)
    for (let made = 1; ; made += 1) {
      const deadline = new Deadline(timeoutMs, call.options.signal)
      const answer = await this.#attempt(request, call, deadline).finally(() => deadline.clear())
      if (answer instanceof Response) return answer
      const repeatable = mayRepeat(answer.failure, call.repeatability)
      const wait = repeatable ? waitAfter(made, answer.failure, policy, Math.random()) : undefined
      if (wait === undefined) throw answer.error(adviceAfter(answer.failure, made, repeatable))
      await pause(wait, call.options.signal)
    }
  }

  /**
   * Opens an answer that is read while it arrives, with one attempt. The deadline covers the time
   * until it begins; whoever reads on restarts or clears it.
   *
   * @throws {@link EncoderError}; the reason of the call's signal
   */
  async open(request: Request, operation: string, deadline: Deadline): Promise<Response> {
    try {
      const response = await this.#fetch(request, deadline)
      if (response.ok) return response
      const failed = await refused(response, operation)
      throw failed.error(PASSING.has(response.status) ? 'safe' : 'never')
    } catch (error) {
      if (error instanceof EncoderError) throw error
      throw this.lost(error, operation, deadline).error('safe')
    }
  }

  async #attempt(request: Request, call: Call, deadline: Deadline): Promise<Response | Failed> {
    try {
      const response = await this.#fetch(request, deadline)
      if (!response.ok) return await refused(response, call.operation)
      const { status, headers } = response
      // Read here, so that an answer that breaks off is a failed attempt like any other.
      const body = await response.arrayBuffer()
      return new Response(status === 204 ? null : body, { status, headers })
    } catch (error) {
      return this.lost(error, call.operation, deadline)
    }
  }

  #fetch(request: Request, deadline: Deadline): Promise<Response> {
    const { apiKey, fetch } = this.#settings
    const attempt = request.clone()
    if (apiKey !== undefined) attempt.headers.set('authorization', `Bearer ${apiKey}`)
    // A redirect would turn a POST into a GET, or carry the key to somebody else.
    return fetch(attempt, { signal: deadline.signal, redirect: 'manual' })
  }

  /** What to make of an attempt without an answer. Throws when the caller ended the call. */
  lost(thrown: unknown, operation: string, deadline: Deadline): Failed {
    deadline.throwIfCallerEnded()
    const why = deadline.expired ? `no answer within ${deadline.ms} ms` : reasonOf(thrown)
    const error = (retry: Retry) =>
      new ServerUnreachableError(`${this.url}: ${why}`, {
        code: 'server_unreachable',
        operation,
        retry,
        cause: deadline.expired ? undefined : thrown,
      })
    return { failure: {}, error }
  }
}

async function refused(response: Response, operation: string): Promise<Failed> {
  const { status, headers } = response
  const retryAfterMs = readRetryAfter(headers.get('retry-after'), Date.now())
  const problem = readProblem(await response.text())
  const failure = { status, code: problem?.code, retryAfterMs }
  const error = (retry: Retry) =>
    problem === undefined
      ? strange(status, operation, retry)
      : fromProblem(problem, { operation, retry, retryAfterMs })
  return { failure, error }
}

/** Something between here and the server answered: name the status, guess nothing else. */
function strange(status: number, operation: string, retry: Retry): EncoderError {
  const redirected = status >= 300 && status < 400
  const message = redirected
    ? `status ${status} leads to another address; give the client that address as its url`
    : `status ${status} without a problem document; is there a proxy before the server?`
  const context = { status: String(status) }
  return new ServerProtocolError(message, { code: 'server_protocol', operation, retry, context })
}

function adviceAfter(failure: Failure, made: number, repeatable: boolean): Retry {
  if (repeatable && made > 1) return 'exhausted'
  // A refusal that passes had no effect, whoever may repeat the request.
  return repeatable || mayRepeat({ status: 0, ...failure }, 'always') ? 'safe' : 'never'
}

/** One line of why a `fetch` failed: it keeps that in its cause. */
function reasonOf(thrown: unknown): string {
  const cause = thrown instanceof Error && thrown.cause !== undefined ? thrown.cause : thrown
  const { code } = Object(cause) as { code?: unknown }
  if (typeof code === 'string' && code.startsWith('E')) return `no connection (${code})`
  return cause instanceof Error && cause.message ? cause.message : 'the connection broke off'
}
