/** The version of this package. */
export function version(): string
