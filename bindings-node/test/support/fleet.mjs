// A manager on simulated HELOs, quick enough for tests.
import { setTimeout as pause } from 'node:timers/promises'

import { Manager, Simulator } from 'encoder-manager'

/** Settings under which everything takes tens of milliseconds. */
export const QUICK = {
  watch: {
    active_interval_ms: 50,
    idle_interval_ms: 50,
    retry_interval_ms: 50,
    silent_interval_ms: 100,
    report_interval_ms: 200,
  },
  drain_seconds: 2,
}

export const REQUEST = {
  resolution: '1920x1080',
  bitrate: 6_000_000,
  fps: 30,
  destination: { url: 'rtmp://127.0.0.1:1/live' },
}

/** Waits until something holds, or throws. */
export async function until(what, holds, deadlineMs = 20_000) {
  const end = performance.now() + deadlineMs
  for (;;) {
    const answer = await holds()
    if (answer) return answer
    if (performance.now() > end) throw new Error(`${what}: not within ${deadlineMs} ms`)
    await pause(10)
  }
}

/**
 * Devices, set up like that, and a manager of them that has heard of all. Close it with
 * `await fleet.close()`.
 */
export async function fleet(count = 2, options = {}, setup = {}) {
  const helos = await Simulator.start({ count, fast: true, ...setup })
  const config = { ...QUICK, ...options.config }
  const manager = new Manager({ encoders: helos.encoders(), ...options, config })
  await manager.open()
  await until('all encoders are heard of', () => manager.fleetCounts().online === count)
  const close = async () => {
    await manager.close()
    await helos.close()
  }
  return { helos, manager, close }
}
