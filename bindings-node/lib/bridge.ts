/**
 * The way to the native half: JSON text in calls that have numbers.
 *
 * Private to the package.
 */
import { NativePort } from '../native.js'
import { hold, release } from './alive.js'
import { fromDocument, type EncoderError } from './errors.js'

/** What every asynchronous call can be told. */
export interface CallOptions {
  /**
   * Ends the call: what is done for it is dropped, and it rejects with the signal's reason. A
   * command that a device has got already may still have its effect.
   */
  readonly signal?: AbortSignal | undefined
}

interface Settled {
  readonly kind: 'done' | 'failed' | 'cancelled'
  readonly text: string
}

type Handler = (id: number, text: string) => void

const MOST_CALLS = 0xffff_ffff

const waiting = new Map<number, (settled: Settled) => void>()
const handlers = new Map<string, Handler>()
let lastCall = 0

/** The port of this thread: native managers are made with it. */
export const port = new NativePort((kind, id, text) => {
  try {
    handlers.get(kind)?.(id, text)
  } catch (error) {
    // The native half cannot do anything about it; the process decides, as about any other.
    process.nextTick(() => {
      throw error
    })
  }
})

/** Says what to do when the native half sends something of that kind. */
export function handle(kind: string, handler: Handler): void {
  handlers.set(kind, handler)
}

for (const kind of ['done', 'failed', 'cancelled'] as const) {
  handle(kind, (call, text) => {
    const settle = waiting.get(call)
    waiting.delete(call)
    settle?.({ kind, text })
  })
}

/**
 * Makes a call and waits for its answer, a JSON text.
 *
 * @throws what the call failed with, or the signal's reason once the work for it is dropped
 */
export async function call(
  signal: AbortSignal | undefined,
  begin: (call: number) => void,
): Promise<string> {
  signal?.throwIfAborted()
  const { kind, text } = await settlement(signal, begin)
  // Made here, where the stack still leads to the caller.
  if (kind === 'failed') throw fromText(text)
  if (kind === 'done') return text
  signal?.throwIfAborted()
  throw fromDocument({ code: 'shutting_down', message: 'this environment is about to end' })
}

async function settlement(
  signal: AbortSignal | undefined,
  begin: (call: number) => void,
): Promise<Settled> {
  const id = freeNumber()
  const cancel = () => port.cancel(id)
  // Whoever waits shall get the answer, also when it comes after its manager has closed.
  hold(cancel)
  try {
    return await new Promise<Settled>((settle) => {
      waiting.set(id, settle)
      crossing(() => begin(id))
      signal?.addEventListener('abort', cancel, { once: true })
    })
  } finally {
    release(cancel)
    waiting.delete(id)
    signal?.removeEventListener('abort', cancel)
  }
}

/** Waits for something until the signal is set off; it goes on all the same. */
export async function unlessAborted<Answer>(
  work: Promise<Answer>,
  signal: AbortSignal | undefined,
): Promise<Answer> {
  if (signal === undefined) return work
  let abort = () => {}
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason as Error)
  })
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

/** The error of everything that is asked of a manager after its end. */
export function closed(): EncoderError {
  const message = 'this manager is closed; make a new one'
  return fromDocument({ code: 'shutting_down', message })
}

function freeNumber(): number {
  do lastCall = (lastCall % MOST_CALLS) + 1
  while (waiting.has(lastCall))
  return lastCall
}

/** Calls the native half; what it throws becomes an {@link EncoderError}. */
export function crossing<Answer>(work: () => Answer): Answer {
  try {
    return work()
  } catch (error) {
    throw fromText(error instanceof Error ? error.message : error)
  }
}

function fromText(text: unknown): EncoderError {
  try {
    return fromDocument(JSON.parse(String(text)))
  } catch {
    return fromDocument(text)
  }
}
