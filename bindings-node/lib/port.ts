/**
 * Calls of the native half in which objects of the program take part.
 *
 * Private to the package.
 */
import { call as make, crossing, handle, port } from './bridge.js'
import { ObjectTable } from './objects.js'

export { port, crossing as now }

/** The objects that were given to the library. */
export const objects: ObjectTable = new ObjectTable(port, (during, method, args) =>
  call((id) => port.drive(id, during, method, args)),
)

for (const kind of ['invoke', 'abort', 'release']) {
  handle(kind, (id, text) => void objects.deliver(kind, id, text))
}

/** Makes a call that goes on until it settles; its answer is JSON. */
export function call(begin: (id: number) => void): Promise<string> {
  return make(undefined, begin)
}
