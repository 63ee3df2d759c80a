/**
 * Names error classes by their codes: `not_found` is `NotFoundError`.
 *
 * From the code and not from the class, so that a bundler that shortens names changes nothing. On
 * the prototype, so that it is neither an own property nor printed twice.
 */
export function nameByCode(classes: Readonly<Record<string, { prototype: object }>>): void {
  for (const [code, one] of Object.entries(classes)) {
    const words = code.split('_').map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    const value = `${words.join('')}Error`
    Object.defineProperty(one.prototype, 'name', { value, configurable: true })
  }
}
