// When objects, threads and processes end.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { run } from './support/run.mjs'

const HEAD = `
  import { Manager, Simulator } from 'encoder-manager'
  import { checkBalancer, checkDriver } from 'encoder-manager/testing'
  import { underTest } from './test/support/device.mjs'
  import { devices, online, REQUEST, until, WATCH } from './test/support/objects.mjs'
  import { Agreeing, LeastLoaded, OneTry } from './test/support/policies.mjs'
`

const ends = async (code, options) => {
  const { end, out } = await run(`${HEAD}${code}`, options)
  assert.equal(end, 0, out)
  return out
}

describe('objects', () => {
  it('can be collected once their manager is closed, also when they know it', async () => {
    const out = await ends(
      `
      const gone = []
      const registry = new FinalizationRegistry((name) => gone.push(name))
      const lend = (name, object) => (registry.register(object, name), object)
      async function live() {
        const fleet = devices('one', 'two', 'three')
        const manager = new Manager({
          config: { watch: WATCH },
          encoders: fleet.encoders,
          drivers: {
            mine: lend('maker', (registration) => {
              const driver = fleet.make(registration)
              driver.manager = manager
              return lend('driver', driver)
            }),
          },
          balancer: lend('balancer', new LeastLoaded()),
          healthPolicy: lend('policy', new Agreeing()),
          remediator: lend('remediator', new OneTry()),
        })
        await manager.open()
        await until('all are online', () => online(manager) === 3)
        await manager.startStream(REQUEST, { waitLive: true })
        await manager.removeEncoder('three').catch(() => {})
        await manager.close()
      }
      await live()
      const names = ['balancer', 'driver', 'driver', 'driver', 'maker', 'policy', 'remediator']
      await until('all are collected', () => {
        globalThis.gc()
        return gone.length === names.length
      }).catch(() => {})
      console.log(gone.sort().join())
      `,
      { flags: ['--expose-gc'] },
    )
    assert.equal(out, 'balancer,driver,driver,driver,maker,policy,remediator')
  })

  it('are collected while the manager lives, when their encoder is removed', async () => {
    const out = await ends(
      `
      const gone = []
      const registry = new FinalizationRegistry((name) => gone.push(name))
      const fleet = devices('one', 'two')
      const make = (registration) => {
        const driver = fleet.make(registration)
        registry.register(driver, registration.encoder_id)
        return driver
      }
      const manager = new Manager({
        config: { watch: WATCH }, encoders: fleet.encoders, drivers: { mine: make },
      })
      await manager.open()
      await until('both are online', () => online(manager) === 2)
      await manager.removeEncoder('one')
      await until('it is collected', () => (globalThis.gc(), gone.length > 0))
      console.log(gone.join())
      await manager.close()
      `,
      { flags: ['--expose-gc'] },
    )
    assert.equal(out, 'one')
  })
})

describe('a process', () => {
  it('ends by itself once everything is closed', async () => {
    const out = await ends(`
      const fleet = devices('one')
      const manager = new Manager({ encoders: fleet.encoders, drivers: { mine: fleet.make } })
      await manager.open()
      const helos = await Simulator.start({ count: 2, fast: true })
      await helos.close()
      await checkBalancer('primary_and_backup_differ', () => new LeastLoaded())
      await checkDriver('stop_is_idempotent', () => underTest())
      await manager.close()
      console.log('closed')
    `)
    assert.equal(out, 'closed')
  })

  it('is kept alive by a simulator that is not', async () => {
    const code = `${HEAD} const helos = await Simulator.start({ fast: true }); console.log('up')`
    const { end, out } = await run(code, { ms: 3000 })
    assert.deepEqual([end, out], ['SIGTERM', 'up'])
  })

  it('may exit in the middle of everything', async () => {
    const { end, out } = await run(`${HEAD}
      const fleet = devices('one', 'two')
      const hang = () => new Promise(() => {})
      const manager = new Manager({
        config: { watch: WATCH },
        encoders: fleet.encoders,
        drivers: { mine: (one) => Object.assign(fleet.make(one), { control: hang }) },
        healthPolicy: { assess: hang },
      })
      await manager.open()
      const helos = await Simulator.start({ count: 2, fast: true })
      await until('both are online', () => online(manager) === 2)
      manager.control('one', 'reboot').catch(() => {})
      setTimeout(() => process.exit(7), 100)
    `)
    assert.deepEqual([end, out], [7, ''])
  })
})

describe('a worker', () => {
  const terminate = (busy) => `
    import { Worker } from 'node:worker_threads'
    const fleet = devices('mine')
    const manager = new Manager({
      config: { watch: WATCH }, encoders: fleet.encoders, drivers: { mine: fleet.make },
    })
    await manager.open()
    for (let round = 0; round < 3; round += 1) {
      const options = { workerData: { busy: ${busy} }, execArgv: [] }
      const worker = new Worker('./test/support/worker.mjs', options)
      const url = await new Promise((resolve, reject) => {
        worker.on('message', resolve)
        worker.on('error', reject)
      })
      await worker.terminate()
      const refused = () => fetch(url).then(() => false, () => true)
      await until('its simulator is closed', refused)
    }
    await until('the other manager goes on', () => online(manager) === 1)
    await manager.close()
    console.log('survived')
  `

  it('may be terminated with an open manager', async () => {
    assert.equal(await ends(terminate(false)), 'survived')
  })

  it('may be terminated while it is busy', async () => {
    assert.equal(await ends(terminate(true)), 'survived')
  })
})
