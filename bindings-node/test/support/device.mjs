// An encoder that lives in this process, and a driver that speaks to it by promises.
import { DeviceRejectedError, UnsupportedError } from 'encoder-manager'

/** How long the device takes, in milliseconds. */
const START_MS = 30
const STOP_MS = 10
/** When a driver gives up on an answer. */
const TIMEOUT_MS = 50

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

export class Device {
  state = 'idle'
  active = null
  calls = []
  #silent = false
  #ignoresWrites = false
  #feeds = new Set()
  #going

  constructor(id = 'device') {
    this.id = id
  }

  /** Every request comes through here: a dead device answers none. */
  async request(name, act) {
    this.calls.push(name)
    await wait(0)
    if (this.#silent) {
      await wait(TIMEOUT_MS)
      throw Object.assign(new Error('connect ETIMEDOUT 10.0.0.1:80'), { code: 'ETIMEDOUT' })
    }
    return act()
  }

  status() {
    return {
      stream_state: this.state,
      active: this.active,
      output: { duration_seconds: this.since ? (Date.now() - this.since) / 1000 : null },
    }
  }

  configure(settings, target) {
    if (!this.#ignoresWrites) this.active = { ...settings, target }
  }

  start() {
    if (this.state === 'streaming' && !this.#going) return
    if (this.state === 'starting') return
    this.#move('starting')
    this.#go('streaming', START_MS)
  }

  stop() {
    if (this.state !== 'idle') this.#go('idle', STOP_MS)
  }

  /** Gets there in a while, unless it is told otherwise. */
  #go(state, ms) {
    clearTimeout(this.#going)
    this.#going = setTimeout(() => {
      this.#going = undefined
      this.#move(state)
    }, ms)
  }

  #move(state) {
    this.state = state
    this.since = state === 'streaming' ? Date.now() : undefined
    this.tell({ event: 'changed', change: { stream_state: state } })
  }

  failStream() {
    this.#move('failing')
  }

  goSilent() {
    this.#silent = true
  }

  comeBack() {
    this.#silent = false
  }

  ignoreWrites() {
    this.#ignoresWrites = true
  }

  tell(event) {
    for (const feed of this.#feeds) feed.push(event)
  }

  breakFeed() {
    for (const feed of this.#feeds) feed.fail(new Error('the feed broke'))
  }

  get openFeeds() {
    return this.#feeds.size
  }

  async *feed(signal) {
    const feed = new Queue()
    this.#feeds.add(feed)
    const end = () => feed.end()
    signal.addEventListener('abort', end, { once: true })
    try {
      yield { event: 'snapshot', status: this.status() }
      yield* feed
    } finally {
      this.#feeds.delete(feed)
    }
  }
}

/** Events that wait to be read. */
class Queue {
  #waiting = []
  #wake = () => {}
  #ended = false
  #error

  push(event) {
    this.#waiting.push(event)
    this.#wake()
  }

  fail(error) {
    this.#error = error
    this.#wake()
  }

  end() {
    this.#ended = true
    this.#wake()
  }

  async *[Symbol.asyncIterator]() {
    for (;;) {
      while (this.#waiting.length > 0) yield this.#waiting.shift()
      if (this.#ended) return
      if (this.#error) throw this.#error
      await new Promise((resolve) => (this.#wake = resolve))
    }
  }
}

export class DeviceDriver {
  capability = { reads_back: true, pushes_events: true, reboot: true }

  constructor(device) {
    this.device = device
  }

  status() {
    return this.device.request('status', () => this.device.status())
  }

  async configure(settings, target) {
    await this.device.request('configure', () => this.device.configure(settings, target))
    const { active } = await this.status()
    if (active?.bitrate !== settings.bitrate) {
      throw new DeviceRejectedError('the settings were ignored', { code: 'device_rejected' })
    }
  }

  start() {
    return this.device.request('start', () => this.device.start())
  }

  stop() {
    return this.device.request('stop', () => this.device.stop())
  }

  async control(action) {
    if (action.action !== 'reboot') {
      throw new UnsupportedError(`${action.action} is not supported`, { code: 'unsupported' })
    }
    await this.device.request('reboot', () => {})
  }

  events(signal) {
    return this.device.feed(signal)
  }
}

/** A driver with a device of its own, for the suite. */
export function underTest(Driver = DeviceDriver) {
  const device = new Device()
  return {
    driver: new Driver(device),
    cutOff: () => device.goSilent(),
    ignoreWrites: () => device.ignoreWrites(),
    breakFeed: () => device.breakFeed(),
  }
}
