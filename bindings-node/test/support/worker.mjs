// A worker with an open manager, in the middle of calls, that waits to be terminated. It is told
// whether to be busy meanwhile.
import { parentPort, workerData } from 'node:worker_threads'

import { Manager, Simulator } from 'encoder-manager'

import { devices, online, REQUEST, until, WATCH } from './objects.mjs'

// The test runner takes every file below test/ for a test and runs it as a program.
if (parentPort !== null) await live()

async function live() {
  const fleet = devices('one', 'two')
  const hang = () => new Promise(() => {})
  const manager = new Manager({
    config: { watch: WATCH },
    encoders: fleet.encoders,
    drivers: { mine: (registration) => Object.assign(fleet.make(registration), { control: hang }) },
    balancer: { select: (_, rows) => ({ primary: rows[0].encoder_id }) },
  })
  await manager.open()
  const helos = await Simulator.start({ count: 1, fast: true })
  await until('both are online', () => online(manager) === 2)
  await manager.startStream({ ...REQUEST, protection: 'none' }, { waitLive: true })
  manager.control('two', 'reboot').catch(() => {})
  parentPort.postMessage(helos.urls[0])
  while (workerData.busy);
}
