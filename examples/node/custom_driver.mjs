#!/usr/bin/env node
// A driver for a device of your own: the "Picturebox", made up, with a small HTTP interface.
//
//   node custom_driver.mjs
//
// A driver translates and holds no opinion about health or failover. What its device cannot do stays out
// of the capability; what the device does not report stays `null`.

import { createServer } from 'node:http'

import { DeviceRejectedError, Manager } from 'encoder-manager'

/** The device: settings, and an engine that is on or off. */
class Picturebox {
  #held = null
  #on = false
  #server = createServer((request, response) => this.#answer(request, response))

  async start() {
    await new Promise((ready) => this.#server.listen(0, '127.0.0.1', ready))
    return `http://127.0.0.1:${this.#server.address().port}`
  }

  /** From now on nobody answers. */
  unplug() {
    this.#server.closeAllConnections()
    return new Promise((done) => this.#server.close(done))
  }

  async #answer(request, response) {
    const parts = []
    for await (const part of request) parts.push(part)
    if (request.url === '/settings') this.#held = JSON.parse(Buffer.concat(parts))
    if (request.url === '/engine') this.#on = Buffer.concat(parts).toString() === 'on' && this.#held !== null
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ on: this.#on, held: this.#held }))
  }
}

/** The driver of one Picturebox. */
class PictureboxDriver {
  capability = { reads_back: true, limits: { max_resolution: '1280x720', schemes: ['rtmp'] } }

  constructor({ address }) {
    this.address = address
  }

  async status(signal) {
    const { on, held } = await this.#ask('/', undefined, signal)
    return {
      stream_state: on ? 'streaming' : 'idle',
      active: held && {
        resolution: held.config.resolution,
        fps: held.config.fps,
        bitrate: held.config.bitrate,
        audio_bitrate: held.config.audio_bitrate,
        keyframe_interval_seconds: held.config.keyframe_interval_seconds,
        target: held.target,
      },
    }
  }

  async configure(config, target, signal) {
    await this.#ask('/settings', JSON.stringify({ config, target }), signal)
  }

  async start(signal) {
    const { on } = await this.#ask('/engine', 'on', signal)
    if (!on) throw new DeviceRejectedError('the Picturebox has no settings to start with')
  }

  async stop(signal) {
    await this.#ask('/engine', 'off', signal)
  }

  // A device that does not answer fails with Node's own error, which is understood as unreachable.
  async #ask(path, body, signal) {
    const timeout = AbortSignal.timeout(2000)
    const both = AbortSignal.any([signal, timeout])
    const response = await fetch(this.address + path, { method: body ? 'PUT' : 'GET', body, signal: both })
    return response.json()
  }
}

const boxes = [new Picturebox(), new Picturebox()]
const addresses = await Promise.all(boxes.map((box) => box.start()))
const encoders = addresses.map((address, number) => ({ encoder_id: `box-${number}`, driver: 'picturebox', address }))
const manager = new Manager({ encoders, drivers: { picturebox: PictureboxDriver } })
try {
  await manager.open()
  for (const { encoder_id } of encoders) await manager.monitorEncoder(encoder_id)
  const request = { bitrate: 4_500_000, fps: 30, destination: { url: 'rtmp://ingest.example/live' } }

  // What the device cannot do is refused before anything is touched, and says why.
  const refused = await manager.startStream({ ...request, resolution: '1920x1080' }).catch((error) => error)
  console.log(`1080p refused: ${refused.violations[0].message}`)

  const stream = await manager.startStream({ ...request, resolution: '1280x720' }, { waitLive: true, deadlineMs: 10_000 })
  const primary = stream.document().primary.encoder_id
  console.log(`720p live on ${primary}`)
  await boxes[encoders.findIndex(({ encoder_id }) => encoder_id === primary)].unplug()
  for await (const event of manager.events({ stream: stream.id })) {
    if (event.event !== 'stream_failover') continue
    console.log(`${event.data.elapsed_ms} ms: ${event.data.phase} (${event.data.from} to ${event.data.to})`)
    if (event.data.phase === 'completed') break
  }
  await stream.stop()
} finally {
  await manager.close()
  await Promise.all(boxes.map((box) => box.unplug().catch(() => {})))
}
