/** The manager. */
import type { CallOptions } from './bridge.js'
import type { Encoder, FleetCounts } from './documents.js'
import { readOptions, readSignal } from './encode.js'
import { Engine } from './engine.js'
import type { ManagerOptions } from './options.js'

/** Manages a fleet of encoders and the streams on it. */
export class Manager {
  readonly #engine: Engine

  /** @throws {@link ValidationFailedError} for options that no document can be made of */
  constructor(options?: ManagerOptions) {
    this.#engine = new Engine(options)
  }

  /** Opens it: from then on it watches its encoders. Opening it twice changes nothing. */
  async open(options?: CallOptions): Promise<this> {
    const { signal } = readOptions('open', options, ['signal'])
    await this.#engine.open(readSignal('open', signal))
    return this
  }

  /** Closes it: what is under way is finished first. Closing it twice changes nothing. */
  async close(): Promise<void> {
    await this.#engine.close()
  }

  /** All encoders, by name. */
  encoders(): Encoder[] {
    return this.#engine.read('encoders')
  }

  /** How many encoders are in which state. */
  fleetCounts(): FleetCounts {
    return this.#engine.read('fleet_counts')
  }
}
