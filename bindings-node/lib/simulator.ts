/**
 * HELOs on the loopback, to try things out and to test with.
 *
 * @packageDocumentation
 */
import { NativeSimulator } from '../native.js'
import { hold, release } from './alive.js'
import { call, crossing, port, unlessAborted, type CallOptions } from './bridge.js'
import type { EncoderRequest } from './documents.js'
import { encode, split, type Arguments } from './encode.js'
import type {
  Fault,
  FaultKind,
  FaultLimits,
  IngestPublisher,
  IngestRecord,
  SimulatedRequest,
  SimulatorOptions,
} from './simulator-documents.js'

export type * from './simulator-documents.js'

const START = 'Simulator.start'

interface Device {
  readonly url: string
  readonly serial: string
}

/**
 * Simulated devices. They answer AJA's REST API on the loopback and behave like units, with faults
 * on demand. Devices are counted from 0. They keep the process alive until they are closed.
 *
 * ```ts
 * await using helos = await Simulator.start({ count: 2, fast: true })
 * const manager = new Manager({ encoders: helos.encoders() })
 * helos.inject(0, 'hang', { times: 3 })
 * ```
 */
export class Simulator {
  readonly #native: NativeSimulator
  readonly #devices: readonly Device[]
  readonly #password: string | undefined
  #closing: Promise<void> | undefined

  /** Where the streams of all devices arrive. */
  readonly ingest: SimulatedIngest

  private constructor(native: NativeSimulator, devices: readonly Device[], password?: string) {
    this.#native = native
    this.#devices = devices
    this.#password = password
    this.ingest = new SimulatedIngest((ask) => crossing(() => native.ingest(JSON.stringify(ask))))
  }

  /**
   * Starts devices.
   *
   * @throws ValidationFailedError for options that make no sense.
   */
  static async start(setup: SimulatorOptions = {}, options?: CallOptions): Promise<Simulator> {
    const [, { signal }] = split(START, options, [])
    const text = encode(START, { ...setup })
    const native = new NativeSimulator(port)
    hold(native)
    try {
      const devices = await call(signal, (id) => native.start(id, text))
      return new Simulator(native, JSON.parse(devices) as Device[], setup.password)
    } catch (error) {
      release(native)
      throw error
    }
  }

  /** Their addresses, in order. */
  get urls(): string[] {
    return this.#devices.map(({ url }) => url)
  }

  /** Their serial numbers, in order. */
  get serials(): string[] {
    return this.#devices.map(({ serial }) => serial)
  }

  /** Registrations of all of them, `helo-1` and so on, ready for a manager. */
  encoders(): EncoderRequest[] {
    const password = this.#password === undefined ? {} : { password: this.#password }
    return this.#devices.map(({ url }, place) => ({
      encoder_id: `helo-${place + 1}`,
      driver: 'aja-helo',
      address: url,
      ...password,
    }))
  }

  /** Lets something go wrong with a device. Once this returns, the next request meets it. */
  inject(place: number, kind: FaultKind, limits: FaultLimits = {}): void {
    const fault: Fault = { ...limits, kind }
    const text = encode('Simulator.inject', fault as unknown as Arguments)
    crossing(() => this.#native.inject(place, text))
  }

  /** Ends every fault of a device, or of all. */
  clearFaults(place?: number): void {
    const places = place === undefined ? this.#devices.keys() : [place]
    for (const one of places) crossing(() => this.#native.clearFaults(one))
  }

  /** The faults of a device that last at this moment. */
  faults(place: number): Fault[] {
    return JSON.parse(crossing(() => this.#native.faults(place))) as Fault[]
  }

  /**
   * The value of a parameter, as AJA names it, with or without `eParamID_`.
   *
   * @throws NotFoundError for a parameter that no device has.
   */
  get(place: number, parameter: string): string {
    return crossing(() => this.#native.get(place, parameter))
  }

  /**
   * Writes a parameter as the device itself, past all rules, and holds it there.
   *
   * @throws NotFoundError for a parameter that no device has.
   */
  set(place: number, parameter: string, value: string | number): void {
    crossing(() => this.#native.set(place, parameter, String(value)))
  }

  /** The latest requests that a device got, in order of arrival. */
  requests(place: number): SimulatedRequest[] {
    return JSON.parse(crossing(() => this.#native.requests(place))) as SimulatedRequest[]
  }

  /** Ends the devices; their ports are closed then. Twice is harmless. */
  async close(options?: CallOptions): Promise<void> {
    const [, { signal }] = split('Simulator.close', options, [])
    this.#closing ??= this.#close()
    return unlessAborted(this.#closing, signal)
  }

  async #close(): Promise<void> {
    try {
      await call(undefined, (id) => this.#native.close(id))
    } finally {
      release(this.#native)
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** The simulated destination of streams. */
export class SimulatedIngest {
  readonly #ask: (ask: object) => string

  /** @internal */
  constructor(ask: (ask: object) => string) {
    this.#ask = ask
  }

  /** Everything that happened, in order; without stream keys. */
  history(): IngestRecord[] {
    return JSON.parse(this.#ask({ ask: 'history' })) as IngestRecord[]
  }

  /** Who holds the key now. */
  publishers(url: string, key: string): IngestPublisher[] {
    return JSON.parse(this.#ask({ ask: 'publishers', url, key })) as IngestPublisher[]
  }

  /** Drops every publisher of the key, as an ingest does that restarts. */
  dropPublishers(url: string, key: string): void {
    this.#ask({ ask: 'drop_publishers', url, key })
  }

  /** Refuses every newcomer with this key and drops who is there; or accepts them again. */
  refuseKey(url: string, key: string, refuse: boolean): void {
    this.#ask({ ask: 'refuse_key', url, key, refuse })
  }

  /** Refuses every newcomer, or accepts them again. */
  refuseEverybody(refuse: boolean): void {
    this.#ask({ ask: 'refuse_everybody', refuse })
  }
}
