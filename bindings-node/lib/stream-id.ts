/** Streams as arguments. */
import { readable } from './encode.js'

/** A stream, or its id. */
export type StreamOrId = string | { readonly id: string }

/** The id of it; whatever else was given stays as it is, to be refused where its name is known. */
export function idOf(stream: unknown): unknown {
  if (typeof stream !== 'object' || stream === null) return stream
  return readable('stream', 'id', () => Reflect.get(stream, 'id') as unknown)
}
