/**
 * One error class for each kind of trouble, the same names as in Rust and Python.
 *
 * Branch on the class or on {@link EncoderError.code}, and on {@link EncoderError.retry}; never on
 * the text of a message.
 *
 * @packageDocumentation
 */
import { nameByCode } from './naming.js'

/**
 * Whether the same call may help when it is made again.
 *
 * - `never`: it fails again until something else changes.
 * - `safe`: it had no effect, or has the same effect twice.
 * - `exhausted`: it was retried already, as often as configured.
 */
export type Retry = 'never' | 'safe' | 'exhausted'

const RETRIES: ReadonlySet<unknown> = new Set<Retry>(['never', 'safe', 'exhausted'])

/** One broken rule, or one encoder that cannot take the stream. */
export interface Violation {
  /** The field, dotted; or the encoder when a placement failed. */
  readonly field: string
  /** Stable snake_case name of the rule. */
  readonly code: string
  /** One line with the limit in it. */
  readonly message: string
  /** A value that would be fine, where there is one. */
  readonly recommended?: unknown
}

/** An error as a document, the way it crosses from another language. */
export interface ErrorDocument {
  readonly code: string
  readonly message: string
  readonly retry?: Retry | undefined
  readonly operation?: string | null | undefined
  readonly context?: Readonly<Record<string, string>> | undefined
  readonly violations?: readonly Violation[] | undefined
}

/** What an {@link EncoderError} knows beside its message. */
export interface ErrorDetails {
  readonly code: string
  readonly retry?: Retry | undefined
  readonly operation?: string | null | undefined
  readonly context?: Readonly<Record<string, string>> | undefined
  readonly violations?: readonly Violation[] | undefined
  readonly cause?: unknown
}

/**
 * The base of every error of this package.
 *
 * The message is one line without secrets, fit for an operator.
 */
export class EncoderError extends Error {
  /** Stable snake_case name of the kind; also the `code` of the server's problem documents. */
  readonly code: string
  /** Whether the same call may help when it is made again. */
  readonly retry: Retry
  /** The call that failed, as `Type::method` or `Client.method`; `null` where it is not known. */
  readonly operation: string | null
  /** Facts about the circumstances, such as `encoder`. */
  readonly context: Readonly<Record<string, string>>
  /** Every broken rule, not only the first. */
  readonly violations: readonly Violation[]

  constructor(message: string, details: ErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = details.code
    this.retry = details.retry ?? 'never'
    this.operation = details.operation ?? null
    this.context = Object.freeze({ ...details.context })
    this.violations = Object.freeze([...(details.violations ?? [])])
  }

  /** The error as a document: what {@link fromDocument} takes. */
  toJSON(): ErrorDocument {
    const { code, message, retry, operation, context, violations } = this
    return { code, message, retry, operation, context, violations }
  }
}

/** A value breaks a rule; `violations` lists every one of them. */
export class ValidationFailedError extends EncoderError {}
/** Settings of the program itself are wrong. */
export class ConfigInvalidError extends EncoderError {}
/** There is no encoder, stream or record of that name. */
export class NotFoundError extends EncoderError {}
/** Something of that name exists already. */
export class AlreadyExistsError extends EncoderError {}
/** The request contradicts the present state, for example deleting an encoder on air. */
export class ConflictError extends EncoderError {}
/** The record changed since the caller read it. */
export class RevisionMismatchError extends EncoderError {}
/** The driver or the configuration lacks this ability. */
export class UnsupportedError extends EncoderError {}
/** No encoder may take the stream; `violations` says why for each of them. */
export class NoEncoderAvailableError extends EncoderError {}
/** The device did not answer: refused, timed out, or cut the connection. */
export class DeviceUnreachableError extends EncoderError {}
/** The device answered something that its protocol does not allow. */
export class DeviceProtocolError extends EncoderError {}
/** The device answered, and refused or silently ignored the request. */
export class DeviceRejectedError extends EncoderError {}
/** The device asked for a login and did not accept the password. */
export class DeviceAuthError extends EncoderError {}
/** The wanted state was not reached in time. */
export class DeadlineExceededError extends EncoderError {}
/** The store did not take or give the record; nothing was acknowledged. */
export class StoreUnavailableError extends EncoderError {}
/** Another manager holds the lease, so this one does not command devices. */
export class NotLeaderError extends EncoderError {}
/** The manager is shutting down or closed, and takes no new work. */
export class ShuttingDownError extends EncoderError {}
/** None of the above: a defect in this program or its environment. */
export class UnexpectedError extends EncoderError {}

/** A class of this module. */
export type EncoderErrorClass = new (message: string, details: ErrorDetails) => EncoderError

/** The class of each kind, by its code. */
export const ERROR_CLASSES: Readonly<Record<string, EncoderErrorClass>> = Object.freeze({
  validation_failed: ValidationFailedError,
  config_invalid: ConfigInvalidError,
  not_found: NotFoundError,
  already_exists: AlreadyExistsError,
  conflict: ConflictError,
  revision_mismatch: RevisionMismatchError,
  unsupported: UnsupportedError,
  no_encoder_available: NoEncoderAvailableError,
  device_unreachable: DeviceUnreachableError,
  device_protocol: DeviceProtocolError,
  device_rejected: DeviceRejectedError,
  device_auth: DeviceAuthError,
  deadline_exceeded: DeadlineExceededError,
  store_unavailable: StoreUnavailableError,
  not_leader: NotLeaderError,
  shutting_down: ShuttingDownError,
  unexpected: UnexpectedError,
})

nameByCode({ encoder: EncoderError, ...ERROR_CLASSES })

/**
 * The error of a document.
 *
 * A code that this version does not know becomes an {@link EncoderError} with that code. What is no
 * error document becomes an {@link UnexpectedError}, never an exception of its own. `classes` are
 * those to choose from, by their codes.
 */
export function fromDocument(document: unknown, classes = ERROR_CLASSES): EncoderError {
  if (!isRecord(document) || typeof document['code'] !== 'string') {
    const message = 'the native module gave an error that is no error document'
    return new UnexpectedError(message, { code: 'unexpected', cause: document })
  }
  const code = document['code']
  const message = document['message']
  const one = Object.hasOwn(classes, code) ? classes[code] : undefined
  return new (one ?? EncoderError)(typeof message === 'string' ? message : code, {
    code,
    retry: RETRIES.has(document['retry']) ? (document['retry'] as Retry) : 'never',
    operation: typeof document['operation'] === 'string' ? document['operation'] : null,
    context: readContext(document['context']),
    violations: readViolations(document['violations']),
  })
}

function readContext(context: unknown): Record<string, string> {
  if (!isRecord(context)) return {}
  return Object.fromEntries(Object.entries(context).map(([key, value]) => [key, String(value)]))
}

function readViolations(violations: unknown): Violation[] {
  if (!Array.isArray(violations)) return []
  return violations.filter(isRecord).map((one) => ({
    field: String(one['field'] ?? ''),
    code: String(one['code'] ?? ''),
    message: String(one['message'] ?? ''),
    ...(one['recommended'] == null ? {} : { recommended: one['recommended'] }),
  }))
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
