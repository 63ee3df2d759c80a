/** Time limits and waits that end with the caller's signal. */
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * A signal that a timer or the caller sets off.
 *
 * By hand, because `AbortSignal.any` keeps what it listens to alive, and in Node 20 a timeout among
 * its sources may be collected before it fires.
 */
export class Deadline {
  readonly ms: number
  readonly #controller = new AbortController()
  readonly #caller: AbortSignal | undefined
  #timer: NodeJS.Timeout | undefined
  #expired = false

  constructor(ms: number, caller: AbortSignal | undefined) {
    this.ms = ms
    this.#caller = caller
    caller?.throwIfAborted()
    caller?.addEventListener('abort', this.#end, { once: true })
    this.restart()
  }

  readonly #end = (): void => {
    this.#controller.abort(this.#caller?.reason)
  }

  /** For what shall stop. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Whether the time was over before the caller ended it. */
  get expired(): boolean {
    return this.#expired
  }

  /** The time begins anew. */
  restart(): void {
    this.pause()
    this.#timer = setTimeout(() => {
      this.#expired = true
      this.#controller.abort()
    }, this.ms)
  }

  /** Time stands still until it begins anew. */
  pause(): void {
    clearTimeout(this.#timer)
  }

  /** Time no longer matters, and neither does the caller's signal. */
  clear(): void {
    this.pause()
    this.#caller?.removeEventListener('abort', this.#end)
  }

  /** What it is for is over: it stops whatever still runs. */
  end(): void {
    this.clear()
    this.#controller.abort()
  }

  /** @throws the reason of the caller's signal, if that was set off */
  throwIfCallerEnded(): void {
    this.#caller?.throwIfAborted()
  }
}

/**
 * Waits.
 *
 * @throws the reason of the signal
 */
export async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(ms, undefined, signal === undefined ? {} : { signal })
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  }
}
