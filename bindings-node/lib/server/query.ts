/** One object tells a call both what to ask for and how. */
import type { operations } from '../documents.js'
import type { CallOptions } from './options.js'

type Named<Name extends keyof operations> = NonNullable<operations[Name]['parameters']['query']>

/** What an operation of the OpenAPI document can be asked for, and how to call it. */
export type Query<Name extends keyof operations> = Named<Name> & CallOptions

/** The two parts of it. */
export function split<Options extends CallOptions>(
  options: Options,
): [call: CallOptions, query: Omit<Options, keyof CallOptions>] {
  const { signal, timeoutMs, retry, ...query } = options
  return [{ signal, timeoutMs, retry }, query]
}
