/** Writing only what was read. */
import { ValidationFailedError } from '../errors.js'
import { etagOf } from './api.js'

/** The revision that a write expects. */
export interface RevisionOptions<Document extends object> {
  /**
   * The write fails with a {@link RevisionMismatchError} unless the record is still of this
   * revision: a document that this client read, or its ETag, which is the document's `revision` in
   * quotes. Without it the write always happens.
   */
  readonly ifMatch?: Document | string | undefined
}

/** The header for it. */
export function ifMatch<Document extends object>(
  options: RevisionOptions<Document>,
): { 'If-Match'?: string } {
  const { ifMatch } = options
  if (ifMatch === undefined) return {}
  const etag = typeof ifMatch === 'string' ? ifMatch : etagOf(ifMatch)
  if (etag !== undefined) return { 'If-Match': etag }
  const message = 'ifMatch is a document as this client gave it, not a copy and not from a list'
  const violations = [{ field: 'ifMatch', code: 'invalid_value', message }]
  throw new ValidationFailedError(message, { code: 'validation_failed', violations })
}
