#!/usr/bin/env node
// Variables for a button panel, fed by events in place of polling.
//
//   node companion_feed.mjs
//
// A control surface such as Bitfocus Companion wants variables with values and feedbacks that are on
// or off. Modules for encoders usually ask every device every second. Here the manager is told by the
// devices, and a panel learns of a failover while it happens.

import { EventEmitter, once } from 'node:events'

import { Manager, Simulator } from 'encoder-manager'

/** What a panel shows, with `change` for each variable or feedback that is another now. */
export class PanelFeed extends EventEmitter {
  #values = new Map()
  #leave

  constructor(manager) {
    super()
    const stream = ({ data }) => {
      this.#set(`${data.stream_id}_status`, data.status)
      this.#set(`${data.stream_id}_encoder`, data.encoder_id)
      this.#set(`${data.stream_id}_backup_ready`, data.backup.ready)
    }
    const encoder = ({ data }) => {
      this.#set(`${data.encoder_id}_status`, data.status)
      // Companion shows an empty text for what is not known.
      this.#set(`${data.encoder_id}_temperature`, data.device_status.temperature ?? '')
    }
    const failover = ({ data }) => this.#set(`${data.stream_id}_failover`, data.phase)
    const on = [['stream_health', stream], ['health_update', encoder], ['stream_failover', failover]]
    for (const [name, listener] of on) manager.on(name, listener)
    this.#leave = () => on.forEach(([name, listener]) => manager.off(name, listener))
  }

  /** The present value of a variable. */
  value(name) {
    return this.#values.get(name)
  }

  /** Stops listening. */
  close() {
    this.#leave()
  }

  #set(name, value) {
    if (this.#values.get(name) === value) return
    this.#values.set(name, value)
    this.emit('change', name, value)
  }
}

const helos = await Simulator.start({ count: 2 })
const manager = new Manager({ encoders: helos.encoders() })
await manager.open()
const panel = new PanelFeed(manager)
panel.on('change', (name, value) => console.log(`${name} = ${value}`))
try {
  for (const { encoder_id } of helos.encoders()) await manager.monitorEncoder(encoder_id)
  const stream = await manager.startStream(
    { resolution: '1920x1080', bitrate: 8_000_000, fps: 30, destination: { url: 'rtmp://ingest.example/live' } },
    { streamId: 'show', waitLive: true },
  )
  while (panel.value('show_backup_ready') !== true) await once(panel, 'change')
  // The operator presses the button "move".
  await stream.failover({ reason: 'button' })
  while (panel.value('show_failover') !== 'completed') await once(panel, 'change')
  await stream.stop()
} finally {
  panel.close()
  await manager.close()
  await helos.close()
}
