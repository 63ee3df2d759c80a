// Objects of JavaScript keep the contracts of what they stand for, and those that do not are told so.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import {
  checkBalancer,
  checkDriver,
  checkHealthPolicy,
  checkRemediator,
  items,
} from 'encoder-manager/testing'

import { Device, DeviceDriver, underTest } from './support/device.mjs'
import { Agreeing, LeastLoaded, OneTry } from './support/policies.mjs'

describe('a driver that keeps its contract', () => {
  for (const item of items.driver) it(item, () => checkDriver(item, () => underTest()))
})

describe('a balancer that keeps its contract', () => {
  for (const item of items.balancer) it(item, () => checkBalancer(item, () => new LeastLoaded()))
})

describe('a health policy that keeps its contract', () => {
  for (const item of items.healthPolicy) {
    it(item, () => checkHealthPolicy(item, () => new Agreeing()))
  }
})

describe('a remediator that keeps its contract', () => {
  for (const item of items.remediator) it(item, () => checkRemediator(item, () => new OneTry()))

  it('run_confirms without run', () =>
    checkRemediator('run_confirms', () => ({
      nextStep: (incident, tried) => new OneTry().nextStep(incident, tried),
    })))
})

const isWrong = (item, words) => (error) => {
  assert.equal(error.name, 'AssertionError')
  assert.ok(error.message.startsWith(`${item}: `), error.message)
  assert.match(error.message, words)
  return true
}

const driverIsWrong = (item, Driver, words) =>
  assert.rejects(
    checkDriver(item, () => underTest(Driver)),
    isWrong(item, words),
  )

describe('a driver that breaks its contract', () => {
  it('by telling of a dead device what it knew', () =>
    driverIsWrong(
      'status_reads_the_device',
      class extends DeviceDriver {
        status() {
          return this.device.status()
        }
      },
      /a dead device gave its status/,
    ))

  it('by readings that its capability denies', () =>
    driverIsWrong(
      'absent_readings_are_none',
      class extends DeviceDriver {
        async status() {
          return { ...(await super.status()), system: { cpu_percent: 7 } }
        }
      },
      /`cpu_percent` is given, and the capability denies it/,
    ))

  it('by settings that it does not see ignored', () =>
    driverIsWrong(
      'configure_reads_back',
      class extends DeviceDriver {
        configure(settings, target) {
          return this.device.request('configure', () => this.device.configure(settings, target))
        }
      },
      /settings without effect were taken for good/,
    ))

  const circle = {}
  circle.circle = circle
  for (const [status, words] of [
    [{ stream_state: 'on_air' }, /stream_state: unknown variant `on_air`/],
    [{ system: { cpu: 7 } }, /status\(\): system.cpu: unknown key/],
    [{ system: { cpu_percent: NaN } }, /status\(\): system.cpu_percent: NaN has no JSON/],
    [{ output: { dropped_frames: 7n } }, /status\(\): output.dropped_frames: a BigInt has no JSON/],
    [{ media: [{ slot: 'a' }, { slot: 1 }] }, /media\[1\].slot: invalid type: integer `1`/],
    [circle, /circle: it contains itself/],
    [[], /an array, where an object belongs/],
    [undefined, /invalid type: null/],
    ['fine', /invalid type: string/],
  ]) {
    it(`by a status that is none: ${words.source}`, () =>
      driverIsWrong(
        'status_reads_the_device',
        class extends DeviceDriver {
          status() {
            return status
          }
        },
        new RegExp(`kind: DeviceProtocol.*${words.source}`),
      ))
  }

  it('by a second start that begins anew', () =>
    driverIsWrong(
      'start_is_idempotent',
      class extends DeviceDriver {
        start() {
          this.device.state = 'idle'
          return super.start()
        }
      },
      /left: Starting|left: Idle/,
    ))

  it('by hooks that fail', () =>
    assert.rejects(
      checkDriver('status_reads_the_device', () => ({
        ...underTest(),
        cutOff: () => Promise.reject(new Error('no such switch')),
      })),
      isWrong('status_reads_the_device', /cut_off of the device: unexpected: no such switch/),
    ))

  it('by what it lacks', async () => {
    const lacking = (driver) =>
      checkDriver('identity_is_stable', () => ({ ...underTest(), driver }))
    const message = 'driver lacks status(), configure(), start(), stop()'
    await assert.rejects(lacking({}), { code: 'config_invalid', message })
    const deaf = Object.assign(new DeviceDriver(new Device()), { events: undefined })
    const events = 'DeviceDriver lacks events()'
    await assert.rejects(lacking(deaf), { code: 'config_invalid', message: events })
    await assert.rejects(lacking(undefined), { code: 'config_invalid' })
    deaf.capability = { fly: true }
    const fly = 'capability: fly: unknown key'
    await assert.rejects(lacking(deaf), { code: 'config_invalid', message: fly })
  })
})

const balancerIsWrong = (item, select, words) =>
  assert.rejects(
    checkBalancer(item, () => ({ select })),
    isWrong(item, words),
  )

describe('a balancer that breaks its contract', () => {
  it('by a backup in the same failure domain', () =>
    balancerIsWrong(
      'backup_is_in_another_failure_domain',
      (demand, fleet) => {
        const may = fleet.filter((row) => row.eligible && !demand.exclude.includes(row.encoder_id))
        const first = may.find((row) => [null, row.encoder_id].includes(demand.primary))
        const second = demand.backup ? may.findLast((row) => row.site === first?.site) : undefined
        return (
          first && {
            primary: first.encoder_id,
            backup: second === first ? null : second?.encoder_id,
          }
        )
      },
      /./,
    ))

  it('by choosing who may not be chosen', () =>
    balancerIsWrong(
      'chosen_rows_are_eligible',
      (demand, fleet, draw) => {
        const full = fleet.find((row) => !row.eligible)
        return full && demand.primary === null
          ? { primary: full.encoder_id }
          : new LeastLoaded().select(demand, fleet, draw)
      },
      /the answer could not be used: .*not eligible or excluded/,
    ))

  it('by throwing', () =>
    balancerIsWrong(
      'same_input_same_answer',
      () => {
        throw new RangeError('nobody\nthere')
      },
      /the answer could not be used: unexpected: RangeError: nobody there/,
    ))

  it('by chance', () =>
    balancerIsWrong(
      'same_input_same_answer',
      (demand, fleet) => new LeastLoaded().select(demand, fleet, Math.floor(Math.random() * 1000)),
      /left|assertion/,
    ))

  it('by not being made', () =>
    assert.rejects(
      checkBalancer('same_input_same_answer', () => Promise.reject(new Error('no parts'))),
      isWrong('same_input_same_answer', /nothing was made: unexpected: no parts/),
    ))
})

describe('other policies that break their contracts', () => {
  it('a health policy that is never alarmed', () => {
    const fine = { health: 100, verdict: 'healthy', issues: [] }
    const check = checkHealthPolicy('no_data_is_unknown', () => ({ assess: () => fine }))
    return assert.rejects(check, isWrong('no_data_is_unknown', /./))
  })

  it('a health policy with a score beyond all measure', () => {
    const check = checkHealthPolicy('scores_stay_in_range', () => ({
      assess: ({ assessment }) => ({ ...assessment, health: 101 }),
    }))
    return assert.rejects(check, isWrong('scores_stay_in_range', /health: 101 is not 0 to 100/))
  })

  it('a remediator that never gives up', () => {
    const step = { step: 'start_in_place', deadline_seconds: 1 }
    const check = checkRemediator('ladder_terminates', () => ({
      nextStep: ({ reachable }) => (reachable ? step : null),
    }))
    return assert.rejects(check, isWrong('ladder_terminates', /no end for/))
  })

  it('a remediator that mends the silent', () => {
    const step = { step: 'start_in_place', deadline_seconds: 1 }
    const check = checkRemediator('no_step_on_a_silent_encoder', () => ({
      nextStep: (_, tried) => (tried.length === 0 ? step : null),
    }))
    const words = /the answer could not be used: .*on an encoder that does not answer/
    return assert.rejects(check, isWrong('no_step_on_a_silent_encoder', words))
  })
})

describe('the suites', () => {
  it('have no item of another name', () => {
    const check = checkDriver('is_pretty', () => underTest())
    return assert.rejects(check, isWrong('is_pretty', /the suite has no item `is_pretty`/))
  })

  it('end when nobody waits for them', async () => {
    const signal = AbortSignal.timeout(50)
    const never = () => ({ select: () => new Promise(() => {}) })
    const check = checkBalancer('same_input_same_answer', never, { signal })
    await assert.rejects(check, { name: 'TimeoutError' })
  })
})
