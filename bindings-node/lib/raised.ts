/**
 * What objects throw, as the document that crosses to the library.
 *
 * @packageDocumentation
 */
import { EncoderError, ERROR_CLASSES } from './errors.js'
import type { ErrorDocument } from './errors.js'

/** Codes of Node and of its `fetch` for a device that does not answer. */
const UNREACHABLE: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ESOCKETTIMEDOUT',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ERR_SOCKET_CONNECTION_TIMEOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_SOCKET',
])

/** Names of errors that mean that somebody gave up waiting. */
const GAVE_UP: ReadonlySet<unknown> = new Set(['AbortError', 'TimeoutError'])

/** Longest chain of causes that is looked at; one that bites its own tail ends here too. */
const DEEPEST = 8

/** The document of whatever was thrown. Never throws, even when the thrown thing does. */
export function raisedDocument(raised: unknown): string {
  try {
    return JSON.stringify(document(raised))
  } catch {
    return JSON.stringify({ code: 'unexpected', message: 'threw something that cannot be told' })
  }
}

function document(raised: unknown): ErrorDocument {
  if (isEncoderError(raised)) return EncoderError.prototype.toJSON.call(raised)
  const reason = unreachable(raised, DEEPEST)
  return reason === undefined
    ? { code: 'unexpected', message: told(raised) }
    : { code: 'device_unreachable', message: reason, retry: 'safe' }
}

/** Also one of another copy of this package. */
function isEncoderError(raised: unknown): raised is EncoderError {
  if (raised instanceof EncoderError) return true
  const code = raised instanceof Error && (raised as { code?: unknown }).code
  return typeof code === 'string' && Object.hasOwn(ERROR_CLASSES, code)
}

/** Why a device does not answer, if that is what it says. */
function unreachable(raised: unknown, deep: number): string | undefined {
  if (!(raised instanceof Error) || deep === 0) return undefined
  const inner = [raised.cause, ...(raised instanceof AggregateError ? raised.errors : [])]
  for (const cause of inner) {
    const reason = unreachable(cause, deep - 1)
    if (reason !== undefined) return reason
  }
  const { code } = raised as { code?: unknown }
  const failed = raised instanceof TypeError && raised.message === 'fetch failed'
  return UNREACHABLE.has(code) || GAVE_UP.has(raised.name) || failed ? told(raised) : undefined
}

/** What was thrown, in words; the library makes one line of them. */
function told(raised: unknown): string {
  if (!(raised instanceof Error)) return `threw ${typeof raised}: ${String(raised)}`
  const name = raised.name === 'Error' ? '' : `${raised.name}: `
  return `${name}${raised.message || 'without a message'}`
}
