/** What a manager is made from. */
import type { EncoderRequest } from './documents.js'
import { encode, readOptions, refusal } from './encode.js'
import type { Plugins } from './plugins.js'

/**
 * Settings by section, with their names as in the server's configuration file. What is left out has
 * its default; {@link policies.defaultConfig} shows all of them.
 */
export type ManagerConfig = Readonly<Record<string, unknown>>

/** Settings of the AJA driver, with their names as in the server's configuration file. */
export type AjaConfig = Readonly<Record<string, unknown>>

/** How long objects of the program may take. */
export interface ForeignConfig {
  /** How long a call of a driver may take, and making one; 10 unless given. */
  readonly call_deadline_seconds?: number | undefined
  /** How long a decision may take until the built-in policy decides instead; 250 unless given. */
  readonly decide_deadline_ms?: number | undefined
}

/** Everything that makes a manager. */
export interface ManagerOptions extends Plugins {
  /** Every threshold, interval and deadline. */
  readonly config?: ManagerConfig | undefined
  /** Encoders to register. */
  readonly encoders?: Iterable<EncoderRequest> | undefined
  /** Path of a database that outlives the process; without it records are kept in memory. */
  readonly store?: string | null | undefined
  /** Settings of the AJA driver. */
  readonly aja?: AjaConfig | undefined
  /** How long objects of the program may take. */
  readonly foreign?: ForeignConfig | undefined
}

/** Options as the native half reads them, and the objects to be lent to it. */
export interface Plan {
  readonly options: string
  readonly aja: string
  readonly plugins: Plugins
}

const OPERATION = 'new Manager'
const DOCUMENTS = ['config', 'encoders', 'store', 'aja', 'foreign'] as const
const PLUGINS = ['drivers', 'balancer', 'healthPolicy', 'remediator'] as const

/** @throws {@link ValidationFailedError} naming the option */
export function readPlan(given: ManagerOptions | undefined): Plan {
  const read = readOptions(OPERATION, given, [...DOCUMENTS, ...PLUGINS])
  const { config, encoders, store, aja, foreign, ...plugins } = read
  const options = { config, encoders: listOf(encoders), store, foreign }
  return {
    options: encode(OPERATION, options),
    // The document stands alone, so that its paths are those of the driver's settings.
    aja: encode(OPERATION, documentOf('aja', aja)),
    plugins: plugins as Plugins,
  }
}

function documentOf(option: string, given: unknown): Record<string, unknown> {
  if (given === undefined) return {}
  if (typeof given === 'object' && given !== null) return given as Record<string, unknown>
  throw refusal(OPERATION, option, 'must be an object')
}

function listOf(encoders: unknown): unknown[] | undefined {
  if (encoders === undefined) return undefined
  try {
    if (typeof encoders === 'object' && encoders !== null)
      return [...(encoders as Iterable<unknown>)]
  } catch (error) {
    throw refusal(OPERATION, 'encoders', 'cannot be read to its end', error)
  }
  throw refusal(OPERATION, 'encoders', 'must be a list of encoders')
}
