/**
 * The rules of the manager as plain functions: no clock, no randomness, no device, no manager.
 *
 * What is left out has the manager's default. Each throws a {@link ValidationFailedError} that names
 * what is wrong with its arguments.
 *
 * @packageDocumentation
 */
import { compute } from '../native.js'
import { crossing } from './bridge.js'
import type { Destination, StreamConfigPatch, StreamRequest } from './documents.js'
import { encode, readOptions } from './encode.js'
import type { Violation } from './errors.js'
import type { ManagerConfig } from './options.js'
import type {
  Assessment,
  Attempt,
  Capability,
  Demand,
  DriverStatus,
  EncodingSettings,
  FleetRow,
  Incident,
  InputSignal,
  Placement,
  Step,
} from './plugin-documents.js'

/** A request that was filled in. */
export interface ValidStream {
  config: EncodingSettings
  destination: Destination
  protection: string
  /** Recommendations that it does not follow. */
  warnings: Violation[]
}

/** What is wrong with settings, and what could be better. */
export interface Findings {
  errors: Violation[]
  warnings: Violation[]
}

/** Settings after a change. */
export interface ChangedConfig {
  config: EncodingSettings
  /** Recommendations that they do not follow. */
  warnings: Violation[]
}

/** Which built-in balancer chooses. */
export type BalancerName =
  'weighted' | 'least_loaded' | 'power_of_two' | 'round_robin' | 'rendezvous'

/** How encoders are chosen. */
export interface SelectOptions {
  /** `weighted` unless given. */
  readonly policy?: BalancerName | undefined
  /** Settings of `weighted`. */
  readonly weighted?: Readonly<Record<string, unknown>> | undefined
  readonly demand?: Partial<Demand> | undefined
  /** A random whole number from 0 to 2^53 - 1; 0 unless given. */
  readonly draw?: number | undefined
}

/** What was seen of an encoder at one moment. */
export type Observation = { readonly age_seconds: number } & (
  | { readonly contact: { readonly outcome: 'answered'; readonly latency_ms: number } }
  | { readonly contact: { readonly outcome: 'spoke' } }
  | { readonly contact: { readonly outcome: 'failed'; readonly error: string } }
  | { readonly status: DriverStatus }
  | { readonly publishing_intended: boolean }
)

/** How an encoder is judged. */
export interface AssessOptions {
  /** `all` of them together unless given; the device or the connection alone. */
  readonly policy?: 'all' | 'direct' | 'connection' | undefined
  readonly config?: ManagerConfig | undefined
  /** The present, RFC 3339; ages count from it. */
  readonly now?: string | undefined
}

/** What makes an encoder hot; what is not known is left out of the score. */
export interface Warmth {
  /** Degrees Celsius. */
  readonly temperature?: number | null | undefined
  /** Requests a second. */
  readonly request_rate?: number | null | undefined
  /** Share of requests that fail, 0 to 1. */
  readonly error_rate?: number | null | undefined
  readonly load_percent?: number | null | undefined
}

/** How heat is scored. */
export interface HeatOptions {
  /** Settings of the section `thermal`. */
  readonly config?: Readonly<Record<string, unknown>> | undefined
  /** The temperature that is too hot, in degrees Celsius. */
  readonly too_hot?: number | undefined
}

/** How encoders are mended. */
export interface StepOptions {
  /** What was tried before, oldest first. */
  readonly tried?: readonly Attempt[] | undefined
  /** Settings of the section `remediation`. */
  readonly config?: Readonly<Record<string, unknown>> | undefined
}

/**
 * Checks a request for a stream and fills it in.
 *
 * @param defaults Settings of the section `stream_defaults`.
 * @throws {@link ValidationFailedError} with everything that is wrong with it
 */
export function validateStream(
  request: StreamRequest,
  defaults?: Readonly<Record<string, unknown>>,
): ValidStream {
  return ask('validate_stream', { request, defaults })
}

/** What is wrong with encoding settings, and what could be better. */
export function validateConfig(config: EncodingSettings): Findings {
  return ask('validate_config', { config })
}

/** Changes encoding settings. @throws {@link ValidationFailedError} for what may not be changed so */
export function validateChange(
  config: EncodingSettings,
  changes: StreamConfigPatch,
): ChangedConfig {
  return ask('validate_change', { config, changes })
}

/** Why a device cannot take these settings; an empty list when it can. */
export function validateForEncoder(
  config: EncodingSettings,
  url: string,
  capability: Capability,
  input?: InputSignal | null,
): Violation[] {
  return ask('validate_for_encoder', { config, url, capability, input })
}

/** The bitrate that a picture of that size and rate needs, in bit/s. */
export function recommendedBitrate(resolution: string, fps: number): number {
  return ask('recommended_bitrate', { resolution, fps })
}

/** Chooses encoders for a stream; `null` when none is eligible. */
export function selectEncoders(
  fleet: readonly FleetRow[],
  options?: SelectOptions,
): Placement | null {
  const known = ['policy', 'weighted', 'demand', 'draw']
  return ask('select_encoders', { ...readOptions('selectEncoders', options, known), fleet })
}

/** Judges an encoder by what was seen of it, oldest first. */
export function assessHealth(
  observations: readonly Observation[],
  options?: AssessOptions,
): Assessment {
  const known = ['policy', 'config', 'now']
  return ask('assess_health', { ...readOptions('assessHealth', options, known), observations })
}

/** How hot an encoder is, 0 to 100; `null` when nothing is known. */
export function heat(warmth: Warmth, options?: HeatOptions): number | null {
  const known = ['temperature', 'request_rate', 'error_rate', 'load_percent']
  const given = readOptions('heat', warmth, known)
  return ask('heat', { ...readOptions('heat', options, ['config', 'too_hot']), ...given })
}

/** What to try next in place; `null` when nothing is worth trying. */
export function nextStep(incident: Incident, options?: StepOptions): Step | null {
  return ask('next_step', { ...readOptions('nextStep', options, ['tried', 'config']), incident })
}

/** All settings with their defaults. */
export function defaultConfig(): ManagerConfig {
  return ask('default_config', {})
}

/** Checks settings and fills them in. @throws {@link ConfigInvalidError} */
export function checkConfig(config: ManagerConfig): ManagerConfig {
  return ask('check_config', { config })
}

function ask<Answer>(name: string, given: Readonly<Record<string, unknown>>): Answer {
  const text = encode(name, given)
  return JSON.parse(crossing(() => compute(name, text))) as Answer
}
