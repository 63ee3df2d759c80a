/** Objects of the program that take part in a manager. */

/** Which objects take which part. */
export interface Plugins {}

/** The options that are such objects. */
export const PLUGIN_OPTIONS = [] as const satisfies readonly (keyof Plugins)[]

/** What the native half is told of them: JSON, with a number for each object. */
export function describePlugins(_plugins: Plugins): string {
  return '{}'
}
