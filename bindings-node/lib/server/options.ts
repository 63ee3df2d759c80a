/** What a client and its calls can be told. */
import { ConfigInvalidError } from '../errors.js'
import { DEFAULT_RETRY, type RetryPolicy } from './retry.js'

/** How a client talks to its server. */
export interface ClientOptions {
  /** The server's address, such as `https://encoders.example:8443`; a path in it is kept. */
  readonly url: string | URL
  /** The API key, `em_…`. It is never shown: not by `inspect`, not in errors. */
  readonly apiKey?: string | undefined
  /** How long one attempt may take until its answer is complete; 30 s unless given. */
  readonly timeoutMs?: number | undefined
  /** When a request is made again. What is left out is as in {@link DEFAULT_RETRY}. */
  readonly retry?: Partial<RetryPolicy> | undefined
  /** What makes requests, for a proxy or certificates of its own; Node's `fetch` unless given. */
  readonly fetch?: typeof fetch | undefined
}

/** What every call can be told. */
export interface CallOptions {
  /**
   * Ends the call: it rejects with the signal's reason. A request that is under way may still have
   * its effect.
   */
  readonly signal?: AbortSignal | undefined
  /** How long one attempt may take, instead of the client's. */
  readonly timeoutMs?: number | undefined
  /** When the request is made again, instead of the client's policy. */
  readonly retry?: Partial<RetryPolicy> | undefined
}

/** Longest delay of a timer; a longer one would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

const DEFAULT_TIMEOUT_MS = 30_000

/** Options that were checked, with their defaults. */
export interface Settings {
  readonly url: string
  readonly apiKey: string | undefined
  readonly timeoutMs: number
  readonly retry: RetryPolicy
  readonly fetch: typeof fetch
}

/** @throws {@link ConfigInvalidError} */
export function readOptions(options: ClientOptions): Settings {
  return {
    url: readUrl(options.url),
    apiKey: readKey(options.apiKey),
    timeoutMs: readTimeout(options.timeoutMs ?? DEFAULT_TIMEOUT_MS),
    retry: readRetry(options.retry, DEFAULT_RETRY),
    fetch: options.fetch ?? ((input, init) => fetch(input, init)),
  }
}

/** @throws {@link ConfigInvalidError} */
export function readTimeout(ms: number, name = 'timeoutMs'): number {
  if (ms > 0 && ms <= LONGEST_TIMER_MS) return ms
  throw invalid(`${name} is a number of milliseconds from 1 to ${LONGEST_TIMER_MS}`)
}

/** @throws {@link ConfigInvalidError} */
export function readRetry(given: Partial<RetryPolicy> | undefined, base: RetryPolicy): RetryPolicy {
  const told = Object.entries(given ?? {}).filter(([, value]) => value !== undefined)
  const policy: RetryPolicy = { ...base, ...Object.fromEntries(told) }
  if (!(policy.attempts >= 1)) throw invalid('retry.attempts is 1 or more')
  const waits = [policy.firstWaitMs, policy.longestWaitMs]
  if (waits.every((wait) => wait >= 0 && wait <= LONGEST_TIMER_MS / 2)) return policy
  throw invalid('retry.firstWaitMs and retry.longestWaitMs are milliseconds, not negative')
}

function readUrl(given: string | URL): string {
  let url
  try {
    url = new URL(given)
  } catch {
    throw invalid('url is an address such as https://encoders.example:8443')
  }
  if (!['http:', 'https:'].includes(url.protocol)) throw invalid('url begins with http or https')
  if (url.username || url.password) throw invalid('url holds a password; give apiKey instead')
  if (url.search || url.hash) throw invalid('url ends before ? and #')
  return url.href.replace(/\/+$/, '')
}

function readKey(apiKey: string | undefined): string | undefined {
  // A header with a line break or a letter beyond ASCII would be refused with the key in the text.
  if (apiKey === undefined || /^[\x21-\x7e]+$/.test(apiKey)) return apiKey
  throw invalid('apiKey is not an API key: it holds a space, a line break or the like')
}

function invalid(message: string): ConfigInvalidError {
  return new ConfigInvalidError(message, { code: 'config_invalid', operation: 'Client' })
}
