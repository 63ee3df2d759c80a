/**
 * A native manager, from its opening to its end.
 *
 * Private to the package.
 */
import { NativeManager, type NativeFeed } from '../native.js'
import { hold, release } from './alive.js'
import { call, crossing, port, type CallOptions } from './bridge.js'
import { encode, readable, readOptions, readSignal, type Arguments } from './encode.js'
import { Lending } from './lending.js'
import { readPlan, type ManagerOptions, type Plan } from './options.js'

/** Carries commands to a native manager and their answers back. */
export class Engine {
  readonly #native = new NativeManager(port)
  readonly #plan: Plan
  readonly #lending = new Lending()
  #opening: Promise<void> | undefined
  #closing: Promise<boolean> | undefined

  /** @throws {@link ValidationFailedError} */
  constructor(options: ManagerOptions | undefined) {
    this.#plan = readPlan(options)
  }

  /** Opens it once; while that is under way or done, there is nothing more to do. */
  open(signal: AbortSignal | undefined): Promise<void> {
    this.#opening ??= this.#open(signal).catch((error: unknown) => {
      this.#opening = undefined
      throw error
    })
    return this.#opening
  }

  async #open(signal: AbortSignal | undefined): Promise<void> {
    const { options, aja, plugins } = this.#plan
    hold(this)
    try {
      const lent = readable('new Manager', 'options', () => this.#lending.plugins(plugins))
      await call(signal, (id) => this.#native.open(id, options, aja, lent))
    } catch (error) {
      this.#letGo()
      throw error
    }
  }

  /** Closes it once. Whether everything ended in time. */
  close(): Promise<boolean> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<boolean> {
    try {
      const answer = await call(undefined, (id) => this.#native.close(id))
      return answer === 'true'
    } finally {
      this.#letGo()
    }
  }

  #letGo(): void {
    this.#lending.end()
    release(this)
  }

  /** @throws {@link EncoderError} */
  read<Answer>(command: string, given: Arguments = {}): Answer {
    const text = encode(command, given)
    return JSON.parse(crossing(() => this.#native.read(command, text))) as Answer
  }

  /** @throws {@link EncoderError}, or the signal's reason */
  async act<Answer>(command: string, given: Arguments, options?: CallOptions): Promise<Answer> {
    const { signal } = readOptions(command, options, ['signal'])
    const heard = readSignal(command, signal)
    const text = encode(command, given)
    return JSON.parse(await call(heard, (id) => this.#native.act(id, command, text))) as Answer
  }

  /** @throws {@link EncoderError} */
  feed(given: Arguments): NativeFeed {
    const text = encode('events', given)
    return crossing(() => this.#native.events(text))
  }
}
