// A manager of encoders that live in this process.
import { Manager } from 'encoder-manager'

import { Device, DeviceDriver } from './device.mjs'
import { QUICK } from './fleet.mjs'

export { REQUEST, until } from './fleet.mjs'

/** Notices soon. */
export const WATCH = { ...QUICK.watch, timeout_ms: 300 }

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
