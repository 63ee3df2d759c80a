/** What can go wrong between a client and the server, and the errors of its answers. */
import { EncoderError, ERROR_CLASSES, fromDocument } from '../errors.js'
import type { EncoderErrorClass, Retry } from '../errors.js'
import type { Problem } from '../documents.js'
import { nameByCode } from '../naming.js'

/** The server does not accept the API key; a subclass says why. */
export class UnauthorizedError extends EncoderError {}
/** The request carried no API key. */
export class KeyMissingError extends UnauthorizedError {}
/** That is not an API key; a letter may be missing. */
export class KeyMalformedError extends UnauthorizedError {}
/** Nobody made this API key. */
export class KeyUnknownError extends UnauthorizedError {}
/** The API key has expired. */
export class KeyExpiredError extends UnauthorizedError {}
/** The API key was revoked. */
export class KeyRevokedError extends UnauthorizedError {}
/** The API key may not do this; it needs the scope that the message names. */
export class ScopeInsufficientError extends EncoderError {}
/**
 * There were more requests than the server takes from this key or address.
 * `context.retry_after_seconds` says when it takes the next.
 */
export class RateLimitedError extends EncoderError {}
/** The server is starting, or is not the one in charge. */
export class NotReadyError extends EncoderError {}
/** The idempotency key came with another request before. */
export class IdempotencyKeyReusedError extends EncoderError {}
/** The server could not read the request. */
export class MalformedRequestError extends EncoderError {}
/** The path does not take that method: client and server are of different versions. */
export class MethodNotAllowedError extends EncoderError {}
/** The request did not arrive in time. */
export class RequestTimeoutError extends EncoderError {}
/** The request is larger than the server takes. */
export class BodyTooLargeError extends EncoderError {}
/** The server does not take a body of that type. */
export class UnsupportedMediaTypeError extends EncoderError {}
/** The server did not answer: refused, timed out, or cut the connection. */
export class ServerUnreachableError extends EncoderError {}
/** What answered does not speak as the server does: a proxy perhaps, or another version. */
export class ServerProtocolError extends EncoderError {}

/** The class of each code that only the server and its client have. */
export const SERVER_ERROR_CLASSES: Readonly<Record<string, EncoderErrorClass>> = Object.freeze({
  unauthorized: UnauthorizedError,
  key_missing: KeyMissingError,
  key_malformed: KeyMalformedError,
  key_unknown: KeyUnknownError,
  key_expired: KeyExpiredError,
  key_revoked: KeyRevokedError,
  scope_insufficient: ScopeInsufficientError,
  rate_limited: RateLimitedError,
  not_ready: NotReadyError,
  idempotency_key_reused: IdempotencyKeyReusedError,
  malformed_request: MalformedRequestError,
  method_not_allowed: MethodNotAllowedError,
  request_timeout: RequestTimeoutError,
  body_too_large: BodyTooLargeError,
  unsupported_media_type: UnsupportedMediaTypeError,
  server_unreachable: ServerUnreachableError,
  server_protocol: ServerProtocolError,
})
nameByCode(SERVER_ERROR_CLASSES)

const CLASSES = { ...ERROR_CLASSES, ...SERVER_ERROR_CLASSES }

/** What a client knows about a problem that its document does not say. */
export interface Circumstances {
  /** The client's method. */
  readonly operation?: string | undefined
  readonly retry?: Retry | undefined
  /** What the header `Retry-After` asked for. */
  readonly retryAfterMs?: number | undefined
}

/**
 * The error of a problem document, such as an answer's or one in a {@link BulkAnswer}.
 *
 * `context` has what the document says about the circumstances: `status`, `encoder`, `request_id`
 * (find it in the server's log) and `retry_after_seconds`.
 */
export function fromProblem(problem: Problem, about: Circumstances = {}): EncoderError {
  const seconds =
    about.retryAfterMs === undefined ? undefined : Math.ceil(about.retryAfterMs / 1000)
  const facts = {
    status: problem.status,
    encoder: problem.encoder_id,
    request_id: problem.request_id,
    retry_after_seconds: seconds,
  }
  const context = Object.entries(facts).filter(([, value]) => value != null)
  const document = {
    code: problem.code,
    message: problem.detail ?? problem.title,
    operation: problem.operation ?? about.operation,
    retry: about.retry,
    context: Object.fromEntries(context),
    violations: problem.errors,
  }
  return fromDocument(document, CLASSES)
}

/** The problem document in the text of an answer; `undefined` when there is none. */
export function readProblem(body: string): Problem | undefined {
  try {
    const document: unknown = JSON.parse(body)
    const isObject = typeof document === 'object' && document !== null
    return isObject && 'code' in document ? (document as Problem) : undefined
  } catch {
    return undefined
  }
}
