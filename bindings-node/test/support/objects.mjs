// A manager of encoders that live in this process.
import { Manager } from 'encoder-manager'

import { Device, DeviceDriver } from './device.mjs'

/** Notices soon. */
export const WATCH = {
  active_interval_ms: 100,
  idle_interval_ms: 100,
  retry_interval_ms: 50,
  silent_interval_ms: 200,
  timeout_ms: 300,
}

export const REQUEST = {
  resolution: '1920x1080',
  bitrate: 6_000_000,
  fps: 30,
  destination: { url: 'rtmp://ingest.example/live', personality: 'takeover' },
}

/** What is true in time, or an error that says what never was. */
export async function until(what, holds, ms = 20_000) {
  const end = Date.now() + ms
  for (;;) {
    const found = await holds()
    if (found) return found
    if (Date.now() > end) throw new Error(`never happened: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** Devices by id, and the maker of their drivers. */
export function devices(...ids) {
  const byId = new Map(ids.map((id) => [id, new Device(id)]))
  const make = ({ encoder_id }) => new DeviceDriver(byId.get(encoder_id))
  const encoders = ids.map((id, place) => ({
    encoder_id: id,
    driver: 'mine',
    address: 'http://10.0.0.1',
    site: `site-${place}`,
  }))
  return { byId, make, encoders }
}

/** Opens a manager and closes it with the test. */
export async function opened(test, options) {
  const manager = new Manager({ ...options, config: { watch: WATCH, ...options.config } })
  test.after(() => manager.close())
  return manager.open()
}

/** The encoders that are online. */
export const online = (manager) => manager.fleetCounts().online
