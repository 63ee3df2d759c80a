import { EncoderError, fromDocument, NotFoundError, version, type Retry } from 'encoder-manager'
import { EncoderError as Same } from 'encoder-manager/server'

const text: string = version()
const error: EncoderError = fromDocument({ code: 'not_found', message: text })
const same: Same = error
const retry: Retry = same.retry
if (error instanceof NotFoundError) console.log(retry, error.context['stream'], error.operation)

// @ts-expect-error: there is no such member.
error.kind
// @ts-expect-error: errors do not change.
error.code = 'other'
