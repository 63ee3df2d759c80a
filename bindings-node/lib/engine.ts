/**
 * A native manager, from its opening to its end.
 *
 * Private to the package.
 */
import { NativeManager, type NativeFeed } from '../native.js'
import { hold, release } from './alive.js'
import { call, closed, crossing, port, unlessAborted, type CallOptions } from './bridge.js'
import { encode, readable, split, type Arguments } from './encode.js'
import { Lending } from './lending.js'
import { readPlan, type ManagerOptions, type Plan } from './options.js'

/** Where a manager stands between its opening and its end. */
export type State = 'unopened' | 'opening' | 'open' | 'closing' | 'closed'

interface Opening {
  readonly ending: AbortController
  readonly done: Promise<void>
  waiting: number
}

/** Carries commands to a native manager and their answers back. */
export class Engine {
  readonly #native = new NativeManager(port)
  readonly #plan: Plan
  readonly #lending = new Lending()
  #state: State = 'unopened'
  #opening: Opening | undefined
  #closing: Promise<boolean> | undefined

  /** @throws {@link ValidationFailedError} */
  constructor(options: ManagerOptions | undefined) {
    this.#plan = readPlan(options)
  }

  get state(): State {
    return this.#state
  }

  /**
   * Opens it once, whoever asks. A signal ends the waiting of its caller, and the opening once
   * nobody waits for it any more.
   */
  async open(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted()
    if (this.#closing !== undefined) throw closed()
    const opening = (this.#opening ??= this.#begin())
    opening.waiting += 1
    try {
      await unlessAborted(opening.done, signal)
    } catch (error) {
      if (opening.waiting > 1) throw error
      opening.ending.abort(error)
      // When it is done in spite of that, it is open.
      await opening.done
    } finally {
      opening.waiting -= 1
    }
  }

  #begin(): Opening {
    const ending = new AbortController()
    this.#state = 'opening'
    return { ending, done: this.#open(ending.signal), waiting: 0 }
  }

  async #open(signal: AbortSignal): Promise<void> {
    const { options, aja, plugins } = this.#plan
    // Not at once: whoever is asked for objects may ask this manager in turn.
    await Promise.resolve()
    try {
      const lent = readable('new Manager', 'options', () => this.#lending.plugins(plugins))
      await call(signal, (id) => this.#native.open(id, options, aja, lent))
    } catch (error) {
      this.#opening = undefined
      this.#become('unopened')
      this.#lending.end()
      throw error
    }
    this.#become('open')
  }

  /** Closes it once, whoever asks; whether everything ended in time. */
  async close(signal: AbortSignal | undefined): Promise<boolean> {
    signal?.throwIfAborted()
    this.#closing ??= this.#close()
    return unlessAborted(this.#closing, signal)
  }

  async #close(): Promise<boolean> {
    this.#state = 'closing'
    try {
      const answer = await call(undefined, (id) => this.#native.close(id))
      return answer === 'true'
    } finally {
      this.#state = 'closed'
      this.#lending.end()
      release(this)
    }
  }

  #become(state: State): void {
    // The end wins over an opening that was under way.
    if (this.#closing !== undefined) return
    this.#state = state
    if (state === 'open') hold(this)
  }

  /** @throws {@link EncoderError} */
  read<Answer>(command: string, given: Arguments = {}): Answer {
    const text = encode(command, given)
    return JSON.parse(crossing(() => this.#native.read(command, text))) as Answer
  }

  /** @throws {@link EncoderError}, or the signal's reason */
  async act<Answer>(command: string, given: Arguments, options?: CallOptions): Promise<Answer> {
    const [, { signal }] = split(command, options, [])
    const text = encode(command, given)
    return JSON.parse(await call(signal, (id) => this.#native.act(id, command, text))) as Answer
  }

  /** @throws {@link EncoderError} */
  feed(given: Arguments): NativeFeed {
    const text = encode('events', given)
    return crossing(() => this.#native.events(text))
  }
}
