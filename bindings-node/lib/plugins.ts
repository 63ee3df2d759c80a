/**
 * Drivers and policies of your own.
 *
 * They are plain objects; their methods may answer at once or by a promise. The manager goes on
 * without them: every call has a deadline (`foreign` of the manager's options), and where a policy
 * answers late, throws, or answers nonsense, the built-in one decides instead.
 *
 * The last argument of every method is an `AbortSignal`. It is aborted when nobody waits for the
 * answer any more; hand it on to `fetch` and timers.
 *
 * What a method throws tells the manager what is wrong. A class of this package keeps its code.
 * Node's own errors about connections and timeouts (`ECONNREFUSED`, `ETIMEDOUT`, `fetch failed`, an
 * aborted request) are `device_unreachable`. Anything else is `unexpected`, which counts as a sign of
 * life of a device.
 *
 * `encoder-manager/testing` checks whether they keep their contracts.
 *
 * @packageDocumentation
 */
import type { CallOptions } from './bridge.js'
import type {
  Assessment,
  Attempt,
  Capability,
  Demand,
  DeviceAction,
  DeviceEvent,
  DriverStatus,
  EncodingSettings,
  FleetRow,
  HealthHistory,
  Incident,
  Placement,
  PublishTarget,
  Registration,
  Step,
} from './plugin-documents.js'

export type * from './plugin-documents.js'

/** An answer, now or later. */
export type Awaitable<T> = T | PromiseLike<T>

/**
 * An encoder that can be watched and commanded.
 *
 * `start` and `stop` are idempotent and return when the device accepted the command. Calls may
 * overlap. An answer that is no such document is `device_protocol` and says what is wrong with it.
 */
export interface EncoderDriver {
  /** What the device can do and tell; read once. Left out, it streams and tells nothing else. */
  readonly capability?: Capability
  /** Reads the device: at least one round trip, so that an answer proves that it is alive. */
  status(signal: AbortSignal): Awaitable<DriverStatus>
  /** Brings the device to hold these settings, without starting it, and sees that it does. */
  configure(
    settings: EncodingSettings,
    target: PublishTarget,
    signal: AbortSignal,
  ): Awaitable<unknown>
  /** Tells the device to publish with the settings it holds. */
  start(signal: AbortSignal): Awaitable<unknown>
  /** Tells the device to stop publishing. */
  stop(signal: AbortSignal): Awaitable<unknown>
  /** Anything else. Only what the capability allows is asked. */
  control?(action: DeviceAction, signal: AbortSignal): Awaitable<unknown>
  /**
   * The device's own event feed, for a capability with `pushes_events`. It begins with a snapshot,
   * or the manager reads the status first. A feed that ends or throws is opened anew after a growing
   * pause. The signal is aborted when nobody reads the feed any more.
   */
  events?(signal: AbortSignal): AsyncIterable<DeviceEvent>
  /** Lets go of connections and timers: the manager forgets the driver now. */
  close?(): unknown
}

/** Makes the driver of a registered encoder, without contacting the device. */
export type DriverMaker = (
  registration: Registration,
  signal: AbortSignal,
) => Awaitable<EncoderDriver>

/** A maker, or a class whose constructor takes the registration. */
export type DriverFactory = DriverMaker | (new (registration: Registration) => EncoderDriver)

/** Chooses encoders. */
export interface Balancer {
  /**
   * Chooses among the rows that are `eligible` and not excluded; `null` only when there are none.
   *
   * @param draw A random whole number from 0 to 2^53 - 1: take it instead of `Math.random`, so that
   *   the same question has the same answer.
   */
  select(
    demand: Demand,
    fleet: FleetRow[],
    draw: number,
    signal: AbortSignal,
  ): Awaitable<Placement | null>
}

/** Judges encoders. */
export interface HealthPolicy {
  /** Concludes; `history.assessment` is what the built-in policy concludes, to add to. */
  assess(history: HealthHistory, signal: AbortSignal): Awaitable<Assessment>
}

/** A driver that is lent to {@link Remediator.run} until that ends; then its calls are conflicts. */
export interface LentDriver {
  /** The encoder it speaks to. */
  readonly id: string
  readonly capability: Capability
  status(options?: CallOptions): Promise<DriverStatus>
  configure(settings: EncodingSettings, target: PublishTarget, options?: CallOptions): Promise<void>
  start(options?: CallOptions): Promise<void>
  stop(options?: CallOptions): Promise<void>
  control(action: DeviceAction, options?: CallOptions): Promise<void>
}

/** Mends in place, before a stream moves. */
export interface Remediator {
  /** The next thing to try; `null` when nothing in place is worth trying. */
  nextStep(incident: Incident, tried: Attempt[], signal: AbortSignal): Awaitable<Step | null>
  /**
   * Performs a step. The manager then watches the device until it reports that it streams. Left
   * out, the manager performs the steps itself.
   */
  run?(step: Step, driver: LentDriver, signal: AbortSignal): Awaitable<unknown>
}

/** Drivers and policies that a manager takes instead of, or beside, its own. */
export interface Plugins {
  /** By the name that `driver` of a registration refers to. */
  readonly drivers?: Readonly<Record<string, DriverFactory>> | undefined
  readonly balancer?: Balancer | undefined
  readonly healthPolicy?: HealthPolicy | undefined
  readonly remediator?: Remediator | undefined
}
