/**
 * What keeps the process alive: an open manager, a simulator, a call that has not settled. The port
 * itself does not.
 *
 * Private to the package.
 */

const holders = new Set<object>()
const LONGEST_TIMER_MS = 2 ** 31 - 1
let alive: NodeJS.Timeout | undefined

/** Keeps the process alive, as a listening server does, and the holder with it. */
export function hold(holder: object): void {
  holders.add(holder)
  alive ??= setInterval(() => {}, LONGEST_TIMER_MS)
}

/** Lets go; twice is harmless. */
export function release(holder: object): void {
  holders.delete(holder)
  if (holders.size > 0) return
  clearInterval(alive)
  alive = undefined
}
