/** What the native half logs, for listeners of the program. */
import { crossing, handle, port } from './bridge.js'
import type { Time } from './documents.js'
import { readOptions, refusal } from './encode.js'

/** How much a line matters, from what must be looked at to what only a developer wants. */
export type LogLevel = 'error' | 'warn' | 'info' | 'debug' | 'trace'

/** Every level, those that matter most first. */
export const LOG_LEVELS: readonly LogLevel[] = Object.freeze([
  'error',
  'warn',
  'info',
  'debug',
  'trace',
] as const)

/** A line of the log. It is frozen, since listeners share it. */
export interface LogRecord {
  /** How much it matters. */
  readonly level: LogLevel
  /** The module that wrote it, such as `encoder_core::fleet::watcher`. */
  readonly target: string
  /** What it says, in words, without secrets. May be empty. */
  readonly message: string
  /** What it is about, such as `encoder`, `stream` or `error`. */
  readonly fields: Readonly<Record<string, string>>
  /** When it was written. */
  readonly time: Time
}

/** Is told each line, in the order of writing. */
export type LogListener = (record: LogRecord) => void

/** Which lines a listener is told. */
export interface LogOptions {
  /** The lowest level; `info` unless given. */
  readonly level?: LogLevel | undefined
}

/** Ends what {@link onLog} began; twice is harmless. With `using` it ends with its block. */
export interface LogSubscription extends Disposable {
  (): void
}

interface Listening {
  readonly listener: LogListener
  /** Its place in {@link LOG_LEVELS}. */
  readonly lowest: number
}

const OPERATION = 'onLog'
const NOTHING = -1

const listening = new Set<Listening>()
let wanted = NOTHING

/**
 * Tells a listener what the library and its drivers log, until the function that this returns is
 * called. Without listeners nothing is logged.
 *
 * A listener does not keep the process alive. What it throws is an uncaught exception of the
 * process, as with every emitter; other listeners and later lines are not affected. While the
 * program is busy 1000 lines wait for it; how many more there were is told at the level `warn`.
 * Each worker has listeners of its own, who are told of the whole process.
 *
 * @throws {@link ValidationFailedError} naming what is wrong
 */
export function onLog(listener: LogListener, options?: LogOptions): LogSubscription {
  if (typeof listener !== 'function') throw refusal(OPERATION, 'listener', 'must be a function')
  const { level } = readOptions(OPERATION, options, ['level'])
  const one = { listener, lowest: readLevel(level) }
  listening.add(one)
  adjust()
  const stop = () => {
    listening.delete(one)
    adjust()
  }
  return Object.assign(stop, { [Symbol.dispose]: stop })
}

function readLevel(given: unknown): number {
  const lowest = given === undefined ? 'info' : given
  const place = (LOG_LEVELS as readonly unknown[]).indexOf(lowest)
  if (place >= 0) return place
  throw refusal(OPERATION, 'level', `must be one of ${LOG_LEVELS.join(', ')}`)
}

/** Tells the native half the lowest level that somebody wants, when it is another. */
function adjust(): void {
  const lowest = Math.max(NOTHING, ...[...listening].map((one) => one.lowest))
  if (lowest === wanted) return
  crossing(() => port.log(LOG_LEVELS[lowest]))
  wanted = lowest
}

handle('log', (lost, text) => {
  if (lost > 0) tell(loss(lost))
  tell(JSON.parse(text) as LogRecord)
})

function loss(lost: number): LogRecord {
  const message = `${lost} log lines were lost: the program was too busy to take them`
  const fields = { lost: String(lost) }
  const time = new Date().toISOString()
  return { level: 'warn', target: 'encoder_manager', message, fields, time }
}

function tell(record: LogRecord): void {
  Object.freeze(record.fields)
  Object.freeze(record)
  const level = LOG_LEVELS.indexOf(record.level)
  for (const one of [...listening]) {
    // One of the others may have ended it.
    if (level <= one.lowest && listening.has(one)) call(one.listener, record)
  }
}

function call(listener: LogListener, record: LogRecord): void {
  try {
    listener(record)
  } catch (error) {
    process.nextTick(() => {
      throw error
    })
  }
}
