/**
 * Objects that were given to the library, and the calls that it makes.
 *
 * The library knows an object by its number and calls it by text. Each call has an `AbortSignal`,
 * which is aborted when the library gives up on it.
 *
 * @packageDocumentation
 */
import { UnexpectedError } from './errors.js'
import type { Capability, DeviceAction, DriverStatus } from './plugin-documents.js'
import type { LentDriver } from './plugins.js'
import { raisedDocument } from './raised.js'

/** What the native port offers to objects. */
export interface Answering {
  /** Whether the library still waits for a call's answer. */
  waits(call: number): boolean
  /** Answers a call; tells whether the library still waited. */
  answer(call: number, threw: boolean, text: string): boolean
}

/** Calls a driver that is lent to the call `during`; answers its JSON. */
export type Drive = (during: number, method: string, args: string) => Promise<string>

/** What a method is called with: its arguments, and what came along. */
export interface Call {
  readonly args: readonly unknown[]
  readonly signal: AbortSignal
  readonly driver: LentDriver | undefined
}

export type Method = (call: Call) => unknown

/** An answer that must be taken back when nobody took it. */
export class Handover {
  constructor(
    private readonly document: unknown,
    readonly takeBack: () => void,
  ) {}

  toJSON(): unknown {
    return this.document
  }
}

interface Entry {
  readonly methods: ReadonlyMap<string, Method>
  /** Lets go of what the object holds. */
  readonly release: () => void
}

/** The text of a call. */
interface Question {
  readonly object: number
  readonly method: string
  readonly arguments: readonly unknown[]
  readonly driver?: { readonly id: string; readonly capability: Capability }
}

/** The objects of one environment. */
export class ObjectTable {
  readonly #port: Answering
  readonly #drive: Drive
  readonly #entries = new Map<number, Entry>()
  readonly #calls = new Map<number, AbortController>()
  #last = 0

  constructor(port: Answering, drive: Drive) {
    this.#port = port
    this.#drive = drive
  }

  /** Takes what the library says; `false` when it is not about objects. Never throws. */
  deliver(kind: string, id: number, text: string): boolean {
    switch (kind) {
      case 'invoke':
        // After a while in which this thread was busy, the library may wait no longer.
        if (this.#port.waits(id)) void this.#answer(id, text)
        return true
      case 'abort':
        this.#calls.get(id)?.abort(new DOMException('nobody waits for this any more', 'AbortError'))
        return true
      case 'release':
        this.release(id)
        return true
      default:
        return false
    }
  }

  add(methods: ReadonlyMap<string, Method>, release: () => void = () => {}): number {
    this.#last += 1
    this.#entries.set(this.#last, { methods, release })
    return this.#last
  }

  /** Forgets an object; twice is harmless. */
  release(object: number): void {
    const entry = this.#entries.get(object)
    this.#entries.delete(object)
    entry?.release()
  }

  async #answer(call: number, text: string): Promise<void> {
    const controller = new AbortController()
    this.#calls.set(call, controller)
    let given: unknown
    let answer: [threw: boolean, text: string]
    try {
      given = await this.#invoke(call, JSON.parse(text) as Question, controller.signal)
      answer = [false, JSON.stringify(given) ?? 'null']
    } catch (error) {
      answer = [true, raisedDocument(error)]
    }
    this.#calls.delete(call)
    const taken = this.#port.answer(call, ...answer)
    if (!taken && given instanceof Handover) given.takeBack()
  }

  #invoke(call: number, question: Question, signal: AbortSignal): unknown {
    const { object, method, arguments: args, driver } = question
    const implementation = this.#entries.get(object)?.methods.get(method)
    if (implementation === undefined) {
      const message = `${method}: the object was given back, or never had it`
      throw new UnexpectedError(message, { code: 'unexpected' })
    }
    const lent = driver && new Lent(driver.id, driver.capability, this.#drive, call)
    return implementation({ args, signal, driver: lent })
  }
}

class Lent implements LentDriver {
  readonly #call: (method: string, args: unknown[]) => Promise<string>

  constructor(
    readonly id: string,
    readonly capability: Capability,
    drive: Drive,
    during: number,
  ) {
    this.#call = (method, args) => drive(during, method, JSON.stringify(args))
  }

  async status(): Promise<DriverStatus> {
    return JSON.parse(await this.#call('status', [])) as DriverStatus
  }

  async configure(...args: Parameters<LentDriver['configure']>): Promise<void> {
    await this.#call('configure', args)
  }

  async start(): Promise<void> {
    await this.#call('start', [])
  }

  async stop(): Promise<void> {
    await this.#call('stop', [])
  }

  async control(action: DeviceAction): Promise<void> {
    await this.#call('control', [action])
  }
}
