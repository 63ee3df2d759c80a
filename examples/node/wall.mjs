#!/usr/bin/env node
// A wall of encoder states for a terminal.
//
//   node wall.mjs http://10.0.0.21 http://10.0.0.22
//   node wall.mjs --simulate 4 --for 5
//
// On a terminal the wall is drawn anew when something changes; elsewhere each change is a line.

import { parseArgs, styleText } from 'node:util'

import { Manager, Simulator } from 'encoder-manager'

const COLOURS = {
  online: 'green', degraded: 'yellow', cooling: 'magenta', offline: 'red', maintenance: 'blue', unknown: 'gray',
}

/** What a tile says; a device that reports no temperature has none, which is not 0 degrees. */
function tile({ encoder_id, status, device_status, issues }) {
  const heat = device_status.temperature === null ? '' : ` ${device_status.temperature.toFixed(0)} °C`
  const worst = issues.length === 0 ? '' : `  ${issues[0].message}`
  return { name: encoder_id, status, text: `${status}${heat}${worst}` }
}

class Wall {
  #tiles = new Map()
  #out = process.stdout

  show(report) {
    const next = tile(report)
    if (this.#tiles.get(next.name)?.text === next.text) return
    this.#tiles.set(next.name, next)
    if (this.#out.isTTY) this.#draw()
    else this.#out.write(`${next.name}: ${next.text}\n`)
  }

  #draw() {
    const tiles = [...this.#tiles.values()].sort((a, b) => a.name.localeCompare(b.name))
    const line = ({ name, status, text }) => `${styleText(COLOURS[status], '■')} ${name.padEnd(16)} ${text}`
    this.#out.write(`\x1b[H\x1b[2J${tiles.map(line).join('\n')}\n`)
  }
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { simulate: { type: 'string' }, for: { type: 'string' } },
})
const encoders = positionals.map((address, number) => ({ encoder_id: `helo-${number + 1}`, address }))
const ending = new AbortController()
process.once('SIGINT', () => ending.abort())
if (values.for) setTimeout(() => ending.abort(), Number(values.for) * 1000)

const helos = values.simulate || encoders.length === 0 ? await Simulator.start({ count: Number(values.simulate ?? 4) }) : undefined
const manager = new Manager({ encoders: [...encoders, ...(helos?.encoders() ?? [])] })
try {
  await manager.open()
  // Something to see: one device is hard to reach for a while.
  helos?.inject(0, 'refuse_connections', { lasts_ms: 3000 })
  const wall = new Wall()
  for await (const event of manager.events({ signal: ending.signal })) {
    if (event.event === 'health_update') wall.show(event.data)
  }
} catch (error) {
  if (!ending.signal.aborted) throw error
} finally {
  await manager.close()
  await helos?.close()
}
