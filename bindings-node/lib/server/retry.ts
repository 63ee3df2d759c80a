/** When a request is made again. Pure: attempt, failure and chance come as arguments. */

/** What a second request would do, should the first have had its effect. */
export type Repeatability =
  /** Nothing more: it reads, sets a state, or carries an idempotency key. */
  | 'always'
  /** Fail, because the first changed the revision it names. */
  | 'when_refused'
  /** Do it again. */
  | 'never'

/**
 * When a request is made again, and how long the client waits before.
 *
 * Only requests that have the same effect twice are repeated: those that read, those that set a
 * state, and those that carry an idempotency key. They are when the server did not answer, or asked
 * to come again (429, 503). Everything else is told to the caller at once.
 */
export interface RetryPolicy {
  /** How often a request is made at most; 1 never repeats. */
  readonly attempts: number
  /**
   * Longest wait before the first repetition, in milliseconds. It doubles each time, and the wait is
   * drawn between nothing and it, so that clients do not come back all at once.
   */
  readonly firstWaitMs: number
  /**
   * Longest wait in milliseconds. A server that asks for a longer one with `Retry-After` is not
   * asked again.
   */
  readonly longestWaitMs: number
}

/** The policy of a client that is told no other. */
export const DEFAULT_RETRY: RetryPolicy = Object.freeze({
  attempts: 4,
  firstWaitMs: 250,
  longestWaitMs: 30_000,
})

/** An attempt that failed. Without `status` there was no answer, or half of one. */
export interface Failure {
  readonly status?: number | undefined
  readonly code?: string | undefined
  readonly retryAfterMs?: number | undefined
}

/** Whether the failure may pass by itself, and another attempt does no harm. */
export function mayRepeat(failure: Failure, repeatability: Repeatability): boolean {
  if (repeatability === 'never') return false
  if (failure.status === undefined) return repeatability === 'always'
  // That no encoder is free is an answer, and somebody must act on it.
  if (failure.code === 'no_encoder_available') return false
  return failure.status === 429 || failure.status === 503
}

/**
 * Milliseconds to wait after `made` attempts; `undefined` to give up. `draw` is a random number from
 * 0 to 1.
 */
export function waitAfter(
  made: number,
  failure: Failure,
  policy: RetryPolicy,
  draw: number,
): number | undefined {
  if (made >= policy.attempts) return undefined
  const { retryAfterMs } = failure
  if (retryAfterMs === undefined) {
    return draw * Math.min(policy.firstWaitMs * 2 ** (made - 1), policy.longestWaitMs)
  }
  // Not before the server said, and not together with everybody whom it told the same.
  return retryAfterMs <= policy.longestWaitMs ? retryAfterMs + draw * policy.firstWaitMs : undefined
}

/** Milliseconds that a `Retry-After` header asks for, as seconds or a date. */
export function readRetryAfter(header: string | null, now: number): number | undefined {
  if (header === null) return undefined
  if (/^\s*\d+\s*$/.test(header)) return Number(header) * 1000
  const date = Date.parse(header)
  return Number.isNaN(date) ? undefined : Math.max(0, date - now)
}
