/**
 * Values of the program as JSON, strictly: what JSON would change or leave out silently is an error
 * that says where.
 *
 * Private to the package.
 */
import type { CallOptions } from './bridge.js'
import { EncoderError, ValidationFailedError } from './errors.js'

/** Deeper documents are mistakes, and the native half would refuse them too. */
const DEEPEST = 100

/** What may be inside a document, by `Object.prototype.toString`. */
const PLAIN = new Set(['Object', 'Array', 'Module', 'Number', 'String', 'Boolean'])

/** The arguments of a call, by name. What is `undefined` is left out. */
export type Arguments = Readonly<Record<string, unknown>>

/**
 * The JSON text of arguments.
 *
 * @throws {@link ValidationFailedError} for whatever has no JSON, also when a getter or a proxy of
 * the program throws
 */
export function encode(operation: string, given: Arguments): string {
  const trail: Step[] = []
  try {
    return JSON.stringify(given, function (this: unknown, key: string, value: unknown) {
      while (trail.length > 0 && trail.at(-1)?.value !== this) trail.pop()
      const problem = problemOf(value, trail, Array.isArray(this))
      if (problem !== null) throw new Unwritable(problem, pathOf(trail, key))
      trail.push({ key, value })
      return value
    })
  } catch (error) {
    const [field, message] =
      error instanceof Unwritable
        ? [error.path, error.message]
        : [pathOf(trail, ''), `reading it threw ${nameOf(error)}`]
    throw refusal(operation, field, message, error)
  }
}

interface Step {
  readonly key: string
  readonly value: unknown
}

class Unwritable extends Error {
  readonly path: string

  constructor(message: string, path: string) {
    super(message)
    this.path = path
  }
}

function problemOf(value: unknown, trail: readonly Step[], inArray: boolean): string | null {
  switch (typeof value) {
    case 'bigint':
      return 'a BigInt has no JSON; give a number'
    case 'symbol':
    case 'function':
      return `a ${typeof value} has no JSON`
    case 'undefined':
      return inArray ? 'a list has no place for undefined; give null' : null
    case 'number':
      return Number.isFinite(value) ? null : `${value} has no JSON; leave out what is not known`
    case 'string':
      return /\p{Surrogate}/u.test(value) ? 'half of a surrogate pair has no JSON' : null
    case 'object':
      return value === null ? null : problemOfObject(value, trail)
    default:
      return null
  }
}

function problemOfObject(value: object, trail: readonly Step[]): string | null {
  if (trail.some((step) => step.value === value)) return 'it contains itself'
  if (trail.length > DEEPEST) return `it is nested deeper than ${DEEPEST} levels`
  const tag = Object.prototype.toString.call(value).slice('[object '.length, -1)
  return PLAIN.has(tag) ? null : `a ${tag} has no JSON; give a plain object or a list`
}

function pathOf(trail: readonly Step[], key: string): string {
  const keys = [...trail.slice(1).map((step) => step.key), key]
  return keys.filter((key) => key !== '').join('.')
}

/** Whatever was thrown, in one line; even its name may throw. */
function nameOf(thrown: unknown): string {
  try {
    const text = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown)
    return text.replaceAll(/\s+/g, ' ').slice(0, 200)
  } catch {
    return 'something that cannot be shown'
  }
}

/**
 * Looks into something of the program, which may throw whatever it likes.
 *
 * @throws {@link EncoderError}
 */
export function readable<Answer>(operation: string, field: string, look: () => Answer): Answer {
  try {
    return look()
  } catch (error) {
    if (error instanceof EncoderError) throw error
    throw refusal(operation, field, `reading it threw ${nameOf(error)}`, error)
  }
}

/** The error for an argument that makes no sense. */
export function refusal(
  operation: string,
  field: string,
  message: string,
  cause?: unknown,
): ValidationFailedError {
  const text = field === '' ? `${operation}: ${message}` : `${operation}: ${field}: ${message}`
  return new ValidationFailedError(text, {
    code: 'validation_failed',
    operation,
    violations: [{ field, code: 'invalid_value', message }],
    cause: cause instanceof Unwritable ? undefined : cause,
  })
}

/**
 * Reads the options of a call: those that are named, and no others.
 *
 * @throws {@link ValidationFailedError}
 */
export function readOptions<Key extends string>(
  operation: string,
  options: unknown,
  known: readonly Key[],
): Partial<Record<Key, unknown>> {
  if (options === undefined) return {}
  return readable(operation, 'options', () => {
    if (typeof options !== 'object' || options === null || Array.isArray(options)) {
      throw refusal(operation, 'options', 'must be an object')
    }
    const given = Object.entries(options)
    const unknown = given.find(([key]) => !(known as readonly string[]).includes(key))
    if (unknown === undefined) return Object.fromEntries(given) as Partial<Record<Key, unknown>>
    const names = known.join(', ')
    throw refusal(operation, unknown[0], `there is no such option; there are ${names}`)
  })
}

/**
 * Reads the options of a call beside those that every call has.
 *
 * @throws {@link ValidationFailedError}
 */
export function split<Key extends string>(
  operation: string,
  options: unknown,
  known: readonly Key[],
): [Partial<Record<Key, unknown>>, CallOptions] {
  const { signal, ...own } = readOptions<Key | 'signal'>(operation, options, [...known, 'signal'])
  return [own as Partial<Record<Key, unknown>>, { signal: readSignal(operation, signal) }]
}

/**
 * Reads a yes or no.
 *
 * @throws {@link ValidationFailedError}
 */
export function readFlag(operation: string, option: string, given: unknown): boolean {
  if (given === undefined || typeof given === 'boolean') return given ?? false
  throw refusal(operation, option, 'must be true or false')
}

/**
 * Reads the signal of a call.
 *
 * @throws {@link ValidationFailedError}
 */
export function readSignal(operation: string, signal: unknown): AbortSignal | undefined {
  if (signal === undefined || signal instanceof AbortSignal) return signal
  throw refusal(operation, 'signal', 'must be an AbortSignal')
}
