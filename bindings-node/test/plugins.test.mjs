// A manager whose drivers and policies are objects of JavaScript.
import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { describe, it } from 'node:test'

import { DeviceAuthError, Simulator } from 'encoder-manager'

import { DeviceDriver } from './support/device.mjs'
import { devices, online, opened, REQUEST, until } from './support/objects.mjs'
import { Agreeing, LeastLoaded, OneTry } from './support/policies.mjs'

/** Deadlines that pass soon. */
const IMPATIENT = { call_deadline_seconds: 0.2, decide_deadline_ms: 50 }
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** An object whose calls are counted. */
function counted(object, methods) {
  const calls = Object.fromEntries(methods.map((method) => [method, 0]))
  for (const method of methods) {
    const original = object[method].bind(object)
    object[method] = (...args) => {
      calls[method] += 1
      return original(...args)
    }
  }
  return [object, calls]
}

describe('a manager of objects', () => {
  it('places, judges, mends and moves a stream through them', async (test) => {
    const fleet = devices('one', 'two')
    const [balancer, chosen] = counted(new LeastLoaded(), ['select'])
    const [healthPolicy, judged] = counted(new Agreeing(), ['assess'])
    const [remediator, mended] = counted(new OneTry(), ['nextStep', 'run'])
    const manager = await opened(test, {
      encoders: fleet.encoders,
      drivers: { mine: fleet.make },
      balancer,
      healthPolicy,
      remediator,
    })
    await until('both are online', () => online(manager) === 2)
    const stream = await manager.startStream(REQUEST, { waitLive: true })
    const first = stream.document().primary.encoder_id
    const device = fleet.byId.get(first)
    assert.equal(device.state, 'streaming')
    assert.equal(device.active.target.stream_key, stream.revealKey())
    assert.ok(chosen.select > 0 && judged.assess > 0)

    device.failStream()
    await until('mended in place', () => mended.run > 0 && device.state === 'streaming')
    assert.equal(stream.document().primary.encoder_id, first)
    await until('live again', () => stream.state === 'live')

    device.goSilent()
    await until('moved', () => stream.document().primary.encoder_id !== first)
    await until('live once more', () => stream.state === 'live')
    const second = stream.document().primary.encoder_id
    assert.equal(fleet.byId.get(second).state, 'streaming')
    assert.equal(fleet.byId.get(second).active.target.stream_key, stream.revealKey())
  })

  it('decides by itself where they throw or answer nonsense', async (test) => {
    const fleet = devices('one', 'two')
    const asked = []
    const manager = await opened(test, {
      encoders: fleet.encoders,
      drivers: { mine: fleet.make },
      balancer: {
        select() {
          asked.push('select')
          throw new Error('no idea')
        },
      },
      healthPolicy: {
        assess() {
          asked.push('assess')
          return { health: 'fine' }
        },
      },
    })
    await until('both are online', () => online(manager) === 2)
    const stream = await manager.startStream(REQUEST, { waitLive: true })
    assert.equal(stream.state, 'live')
    assert.ok(asked.includes('select') && asked.includes('assess'))
  })

  it('is not opened with what is no such object', async () => {
    const open = (options) => opened({ after: () => {} }, options)
    const refused = (options, code, message) => assert.rejects(open(options), { code, message })
    await refused({ balancer: {} }, 'config_invalid', 'balancer lacks select()')
    await refused({ remediator: {} }, 'config_invalid', 'remediator lacks nextStep()')
    const number = 'balancer is number; give an object'
    await refused({ balancer: 7 }, 'config_invalid', number)
    const text = 'the driver "mine" is string; give a function or a class'
    await refused({ drivers: { mine: 'me' } }, 'config_invalid', text)
  })
})

describe('makers of drivers', () => {
  const add = (manager) =>
    manager.addEncoder({ encoder_id: 'late', driver: 'mine', address: 'http://10.0.0.1' })

  it('may be classes, and get the registration with its password', async (test) => {
    const { byId } = devices('late')
    let registration
    class Mine extends DeviceDriver {
      constructor(given) {
        super(byId.get(given.encoder_id))
        registration = given
      }
    }
    const manager = await opened(test, { drivers: { mine: Mine } })
    await manager.addEncoder({
      encoder_id: 'late',
      driver: 'mine',
      address: 'http://10.0.0.1',
      password: 'secret',
      labels: { rack: '7' },
    })
    await until('online', () => online(manager) === 1)
    assert.equal(registration.password, 'secret')
    assert.deepEqual(registration.labels, { rack: '7' })
    assert.equal(registration.site, null)
  })

  it('say why there is no driver', async (test) => {
    const nop = () => ({})
    const drivable = { status: nop, configure: nop, start: nop, stop: nop }
    let make
    const manager = await opened(test, {
      drivers: { mine: (...args) => make(...args) },
      foreign: IMPATIENT,
    })
    const refused = async (maker, code, message) => {
      make = maker
      await assert.rejects(add(manager), { code, message })
    }
    const noPassword = () => {
      throw new DeviceAuthError('no password is given', { code: 'device_auth' })
    }
    await refused(noPassword, 'device_auth', 'no password is given')
    await refused(() => Promise.reject(new Error('sold out')), 'unexpected', 'sold out')
    const capability = { limits: { max_bitrate: NaN } }
    const nan =
      'create(): capability.limits.max_bitrate: NaN has no JSON; leave out what is not known'
    await refused(() => ({ ...drivable, capability }), 'config_invalid', nan)
    const nothing = 'the driver "mine" is undefined; give an object'
    await refused(() => undefined, 'config_invalid', nothing)
    await refused(() => ({}), 'config_invalid', 'mine lacks status(), configure(), start(), stop()')
    let signal
    const hangs = (_, given) => new Promise(() => (signal = given))
    await refused(hangs, 'deadline_exceeded', 'no driver was made within 200 ms')
    await until('the signal is set off', () => signal.aborted)
    let closed = 0
    const late = () => sleep(400).then(() => ({ ...drivable, close: () => (closed += 1) }))
    await refused(late, 'deadline_exceeded', 'no driver was made within 200 ms')
    await until('what was made too late is closed', () => closed === 1)
    assert.deepEqual(manager.encoders(), [])
  })

  it('are forgotten with the encoder, and their drivers closed', async (test) => {
    const fleet = devices('one')
    let closed = 0
    const make = (registration) =>
      Object.assign(fleet.make(registration), { close: () => (closed += 1) })
    const manager = await opened(test, { encoders: fleet.encoders, drivers: { mine: make } })
    const device = fleet.byId.get('one')
    await until('its feed is read', () => device.openFeeds === 1)
    await manager.removeEncoder('one')
    await until('closed', () => closed === 1 && device.openFeeds === 0)
  })
})

describe('what a driver throws', () => {
  /** A manager of one encoder whose reboot does what is said. */
  async function rebooting(test, foreign) {
    const fleet = devices('one')
    const reboot = { act: () => {} }
    const make = (registration) =>
      Object.assign(fleet.make(registration), {
        control: (action, signal) => reboot.act(signal),
      })
    const manager = await opened(test, {
      encoders: fleet.encoders,
      drivers: { mine: make },
      foreign,
    })
    await until('online', () => online(manager) === 1)
    const control = (act, options) => {
      reboot.act = act
      return manager.control('one', 'reboot', options)
    }
    return { control, manager, device: fleet.byId.get('one') }
  }

  /** A port that nobody listens on. */
  async function closedPort() {
    const server = createServer()
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address()
    await new Promise((resolve) => server.close(resolve))
    return port
  }

  it('is a device that does not answer, or a defect', async (test) => {
    const { control } = await rebooting(test)
    const port = await closedPort()
    const never = createServer(() => {})
    await new Promise((resolve) => never.listen(0, '127.0.0.1', resolve))
    test.after(() => never.close())
    const silent = `http://127.0.0.1:${never.address().port}/`
    const coded = (code) => () => {
      throw Object.assign(new Error(`connect ${code} 10.0.0.1:80`), { code })
    }
    const looped = new Error('round and round')
    looped.cause = looped
    const thrown = (what) => () => {
      throw what
    }
    for (const [act, code, message] of [
      [() => fetch(`http://127.0.0.1:${port}/`), 'device_unreachable', /ECONNREFUSED/],
      [
        () => fetch(silent, { signal: AbortSignal.timeout(50) }),
        'device_unreachable',
        /TimeoutError/,
      ],
      [coded('EHOSTUNREACH'), 'device_unreachable', /EHOSTUNREACH/],
      [coded('ETIMEDOUT'), 'device_unreachable', /ETIMEDOUT/],
      [
        thrown(new AggregateError([coded], 'all failed')),
        'unexpected',
        /AggregateError: all failed/,
      ],
      [
        thrown(new DeviceAuthError('wrong password', { code: 'device_auth', retry: 'exhausted' })),
        'device_auth',
        /^wrong password$/,
      ],
      [
        thrown(new TypeError('x is not a function')),
        'unexpected',
        /^TypeError: x is not a function$/,
      ],
      [thrown(new Error('first\nsecond')), 'unexpected', /^first second$/],
      [thrown('text'), 'unexpected', /^threw string: text$/],
      [thrown(undefined), 'unexpected', /^threw undefined: undefined$/],
      [thrown(Symbol('s')), 'unexpected', /Symbol\(s\)/],
      [thrown(Object.create(null)), 'unexpected', /cannot be told/],
      [thrown(looped), 'unexpected', /round and round/],
    ]) {
      await assert.rejects(control(act), (error) => {
        assert.equal(error.code, code, error.message)
        assert.match(error.message, message)
        assert.equal(error.context.encoder, 'one')
        return true
      })
    }
  })

  it('keeps whether to retry', async (test) => {
    const { control } = await rebooting(test)
    const error = new DeviceAuthError('no', { code: 'device_auth', retry: 'exhausted' })
    await assert.rejects(
      control(() => Promise.reject(error)),
      { code: 'device_auth', retry: 'exhausted' },
    )
  })

  it('does not matter once it is late, and it is told so by its signal', async (test) => {
    const { control, manager } = await rebooting(test, IMPATIENT)
    let signal
    const hang = (given) => new Promise(() => (signal = given))
    await assert.rejects(control(hang), {
      code: 'device_unreachable',
      message: 'control() gave no answer within 200 ms',
    })
    await until('the signal is set off', () => signal.aborted)
    assert.equal(signal.reason.name, 'AbortError')
    assert.equal(manager.fleetCounts().total, 1)
  })

  it('does not matter either once the caller went away', async (test) => {
    const { control } = await rebooting(test)
    const going = new AbortController()
    let signal
    const hung = control((given) => new Promise(() => (signal = given)), { signal: going.signal })
    await until('it is called', () => signal)
    assert.equal(signal.aborted, false)
    going.abort()
    await assert.rejects(hung, { name: 'AbortError' })
    await until('the signal is set off', () => signal.aborted)
  })

  it('answers to commands are not looked at', async (test) => {
    const { control } = await rebooting(test)
    const circle = {}
    circle.circle = circle
    await control(() => circle)
    await control(() => 10n)
  })

  it('a status without meaning is one of the device', async (test) => {
    const { device, manager } = await rebooting(test)
    device.status = () => ({ system: { cpu: 7 } })
    const issues = () => manager.encoderHealth('one').encoder.issues.map(({ code }) => code)
    await until('it is told', () => issues().includes('device_misbehaves'))
  })
})

describe('a busy program', () => {
  it('does not stall encoders that have nothing to do with it', async (test) => {
    const helos = await Simulator.start({ count: 2, fast: true })
    test.after(() => helos.close())
    const fleet = devices('slow')
    const hang = () => new Promise(() => {})
    const make = () => ({ status: hang, configure: hang, start: hang, stop: hang })
    const manager = await opened(test, {
      encoders: [...helos.encoders(), ...fleet.encoders.map((one) => ({ ...one, driver: 'slow' }))],
      drivers: { slow: make },
      balancer: { select: hang },
      healthPolicy: { assess: hang },
      foreign: IMPATIENT,
    })
    await until('both are online', () => online(manager) === 2)
    const before = helos.requests(0).length
    // Nothing of JavaScript runs meanwhile.
    const end = performance.now() + 3000
    while (performance.now() < end);
    const polls = helos.requests(0).slice(before)
    const times = polls.map(({ at_ms }) => at_ms)
    const gaps = times.slice(1).map((at, place) => at - times[place])
    assert.ok(times.length >= 10, `polled ${times.length} times in 3 s`)
    assert.ok(Math.max(...gaps) < 1000, `a gap of ${Math.max(...gaps)} ms`)
    assert.equal(online(manager), 2)
    const stream = await manager.startStream(REQUEST, { waitLive: true })
    assert.equal(stream.state, 'live')
  })

  it('does not begin what is too late', async (test) => {
    const fleet = devices('one')
    const begun = []
    const make = (registration) =>
      Object.assign(fleet.make(registration), {
        control: () => {
          begun.push(performance.now())
        },
      })
    const manager = await opened(test, {
      encoders: fleet.encoders,
      drivers: { mine: make },
      foreign: IMPATIENT,
    })
    await until('online', () => online(manager) === 1)
    const told = manager.control('one', 'reboot')
    const end = performance.now() + 1000
    while (performance.now() < end);
    await assert.rejects(told, { code: 'device_unreachable' })
    await sleep(50)
    assert.deepEqual(begun, [])
    await until('online again', () => online(manager) === 1)
  })
})

describe('a feed of events', () => {
  it('is opened anew when it breaks, and closed with the manager', async (test) => {
    const fleet = devices('one')
    let opened_ = 0
    const make = (registration) => {
      const driver = fleet.make(registration)
      const events = driver.events.bind(driver)
      driver.events = (signal) => {
        opened_ += 1
        return events(signal)
      }
      return driver
    }
    const manager = await opened(test, { encoders: fleet.encoders, drivers: { mine: make } })
    const device = fleet.byId.get('one')
    await until('open', () => device.openFeeds === 1)
    device.breakFeed()
    await until('open anew', () => opened_ === 2 && device.openFeeds === 1)
    device.tell({ event: 'changed', change: { nonsense: 1 } })
    await until('open once more', () => opened_ === 3 && device.openFeeds === 1)
    await manager.close()
    await until('closed', () => device.openFeeds === 0)
  })
})

describe('a driver that is lent', () => {
  it('does what it is told while the step lasts, and refuses afterwards', async (test) => {
    const fleet = devices('one')
    const device = fleet.byId.get('one')
    const lent = {}
    const remediator = {
      nextStep: ({ reachable }, tried) =>
        reachable && tried.length === 0 ? { step: 'restart_in_place', deadline_seconds: 5 } : null,
      async run(step, driver, signal) {
        Object.assign(lent, { step, driver, signal })
        lent.status = await driver.status()
        lent.refusals = await Promise.allSettled([
          driver.control({ action: 'mute' }),
          driver.configure({ resolution: 7 }, {}),
        ])
        const { status } = device
        device.status = () => new Promise(() => {})
        const soon = AbortSignal.timeout(20)
        lent.aborted = (await Promise.allSettled([driver.status({ signal: soon })]))[0]
        device.status = status
        await driver.stop()
        await driver.start()
      },
    }
    const manager = await opened(test, {
      encoders: fleet.encoders,
      drivers: { mine: fleet.make },
      remediator,
    })
    await until('online', () => online(manager) === 1)
    const stream = await manager.startStream({ ...REQUEST, protection: 'none' }, { waitLive: true })
    device.failStream()
    await until('mended', () => lent.step && device.state === 'streaming')
    assert.equal(lent.driver.id, 'one')
    assert.equal(lent.driver.capability.reboot, true)
    assert.equal(lent.status.stream_state, 'failing')
    assert.equal(lent.aborted.reason.name, 'TimeoutError')
    const codes = lent.refusals.map(({ reason }) => reason.code)
    assert.deepEqual(codes, ['unsupported', 'validation_failed'])
    await until('live again', () => stream.state === 'live')
    await assert.rejects(lent.driver.status(), { code: 'conflict' })
  })
})
