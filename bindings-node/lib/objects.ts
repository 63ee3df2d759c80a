/**
 * Objects that were given to the library, and the calls that it makes.
 *
 * The library knows an object by its number and calls it by text. Each call has an `AbortSignal`,
 * which is aborted when the library gives up on it.
 *
 * @packageDocumentation
 */
import { call, crossing, handle, port, type CallOptions } from './bridge.js'
import { encode, split, type Arguments } from './encode.js'
import { ConfigInvalidError, DeviceProtocolError, UnexpectedError } from './errors.js'
import type {
  Capability,
  DeviceAction,
  DriverStatus,
  EncodingSettings,
  PublishTarget,
} from './plugin-documents.js'
import type { LentDriver } from './plugins.js'
import { raisedDocument } from './raised.js'

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
  readonly released: () => void
}

/** The text of a call. */
interface Question {
  readonly object: number
  readonly method: string
  readonly arguments: readonly unknown[]
  readonly driver?: { readonly id: string; readonly capability: Capability }
}

/** Methods whose answers mean something; what others answer is not looked at. */
const ANSWERING = new Set([
  'status',
  'next_event',
  'select',
  'assess',
  'next_step',
  'create',
  'make',
])

const entries = new Map<number, Entry>()
const calls = new Map<number, AbortController>()
let last = 0

handle('invoke', (id, text) => {
  // After a while in which this thread was busy, the library may wait no longer.
  if (port.waits(id)) void answer(id, text)
})
handle('abort', (id) => {
  calls.get(id)?.abort(new DOMException('nobody waits for this any more', 'AbortError'))
})
handle('release', release)

/** Takes an object in; gives its number. */
export function add(methods: ReadonlyMap<string, Method>, released: () => void): number {
  last += 1
  entries.set(last, { methods, released })
  return last
}

/** Forgets an object; twice is harmless. */
export function release(object: number): void {
  const entry = entries.get(object)
  entries.delete(object)
  entry?.released()
}

async function answer(id: number, text: string): Promise<void> {
  const controller = new AbortController()
  calls.set(id, controller)
  let given: unknown
  let answer: [threw: boolean, text: string]
  try {
    const question = JSON.parse(text) as Question
    given = await invoke(id, question, controller.signal)
    answer = [false, write(question.method, given)]
  } catch (error) {
    answer = [true, raisedDocument(error)]
  }
  calls.delete(id)
  const taken = crossing(() => port.answer(id, ...answer)) && !answer[0]
  if (!taken && given instanceof Handover) given.takeBack()
}

function invoke(id: number, question: Question, signal: AbortSignal): unknown {
  const { object, method, arguments: args, driver } = question
  const implementation = entries.get(object)?.methods.get(method)
  if (implementation === undefined) {
    const message = `${method}: the object was given back, or never had it`
    throw new UnexpectedError(message, { code: 'unexpected' })
  }
  const lent = driver && new Lent(driver.id, driver.capability, id)
  return implementation({ args, signal, driver: lent })
}

/** The JSON of an answer. One that has none is nonsense of the device, or of the driver itself. */
function write(method: string, given: unknown): string {
  if (!ANSWERING.has(method)) return 'null'
  try {
    return (encode(`${method}()`, given as Arguments) as string | undefined) ?? 'null'
  } catch (error) {
    const { message } = error as Error
    throw method === 'create'
      ? new ConfigInvalidError(message, { code: 'config_invalid', cause: error })
      : new DeviceProtocolError(message, { code: 'device_protocol', cause: error })
  }
}

class Lent implements LentDriver {
  readonly #during: number

  constructor(
    readonly id: string,
    readonly capability: Capability,
    during: number,
  ) {
    this.#during = during
  }

  async status(options?: CallOptions): Promise<DriverStatus> {
    return JSON.parse(await this.#call('status', [], options)) as DriverStatus
  }

  async configure(
    settings: EncodingSettings,
    target: PublishTarget,
    options?: CallOptions,
  ): Promise<void> {
    await this.#call('configure', [settings, target], options)
  }

  async start(options?: CallOptions): Promise<void> {
    await this.#call('start', [], options)
  }

  async stop(options?: CallOptions): Promise<void> {
    await this.#call('stop', [], options)
  }

  async control(action: DeviceAction, options?: CallOptions): Promise<void> {
    await this.#call('control', [action], options)
  }

  #call(method: string, args: object[], options: CallOptions | undefined): Promise<string> {
    const operation = `LentDriver.${method}`
    const [, { signal }] = split(operation, options, [])
    const text = encode(operation, args as unknown as Arguments)
    return call(signal, (id) => port.drive(id, this.#during, method, text))
  }
}
