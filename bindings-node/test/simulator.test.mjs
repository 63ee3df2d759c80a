// Simulated HELOs, as a program sees them.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'

import { Simulator } from 'encoder-manager'

import { opened, online, REQUEST, until } from './support/objects.mjs'

const documents = readFileSync(new URL('../lib/simulator-documents.ts', import.meta.url), 'utf8')

async function started(test, options) {
  const helos = await Simulator.start({ fast: true, ...options })
  test.after(() => helos.close())
  return helos
}

const ask = async (url, parameter) => {
  const answer = await fetch(`${url}/config?action=get&paramid=eParamID_${parameter}`)
  return (await answer.json()).value
}

describe('simulated HELOs', () => {
  it('answer at their addresses, and remember who asked', async (test) => {
    const helos = await started(test, { count: 3, serial: 'TEST' })
    assert.equal(new Set(helos.urls).size, 3)
    assert.deepEqual(helos.serials, ['TEST-1', 'TEST-2', 'TEST-3'])
    assert.equal(await ask(helos.urls[1], 'Temperature'), helos.get(1, 'Temperature'))
    const [request, ...others] = helos.requests(1)
    assert.deepEqual(others, [])
    assert.equal(request.path, '/config')
    assert.deepEqual(request.params[0], ['action', 'get'])
    assert.ok(request.authenticated && request.sequence === 1 && request.at_ms >= 0)
    assert.deepEqual(helos.requests(0), [])
  })

  it('have parameters that can be set from the inside', async (test) => {
    const helos = await started(test, { values: { RTMPServerURL: 'rtmp://here/live' } })
    helos.set(0, 'Temperature', 77)
    assert.equal(await ask(helos.urls[0], 'Temperature'), '77')
    assert.equal(helos.get(0, 'eParamID_RTMPServerURL'), 'rtmp://here/live')
    assert.throws(() => helos.get(0, 'Warmth'), { code: 'not_found' })
    assert.throws(() => helos.set(0, 'Warmth', 1), { code: 'not_found' })
  })

  it('have faults, until those are over', async (test) => {
    const helos = await started(test, { count: 2 })
    const status = async (place) => (await fetch(`${helos.urls[place]}/config`)).status
    helos.inject(0, { status: { status: 503 } }, { times: 1 })
    assert.equal(await status(0), 503)
    assert.notEqual(await status(0), 503)
    helos.inject(0, { status: { status: 503 } })
    helos.inject(1, { status: { status: 503 } }, { path: '/config', lasts_ms: 60_000 })
    assert.deepEqual([await status(0), await status(1)], [503, 503])
    const [{ kind, path }] = helos.faults(1)
    assert.deepEqual([kind, path], [{ status: { status: 503 } }, '/config'])
    helos.clearFaults(0)
    assert.notEqual(await status(0), 503)
    assert.equal(await status(1), 503)
    helos.clearFaults()
    assert.notEqual(await status(1), 503)
    helos.inject(1, 'refuse_connections')
    await assert.rejects(status(1), TypeError)
  })

  it('say what makes no sense', async (test) => {
    const helos = await started(test)
    const refused = (act, code, message) =>
      assert.throws(act, (error) => {
        assert.equal(error.code, code)
        assert.match(error.message, message)
        return true
      })
    refused(() => helos.inject(0, 'rain'), 'validation_failed', /^fault: kind: unknown variant/)
    refused(() => helos.inject(0, { delay: {} }), 'validation_failed', /delay_ms/)
    refused(() => helos.inject(0, 'hang', { time: 1 }), 'validation_failed', /time: unknown field/)
    for (const place of [1, 7]) {
      refused(() => helos.inject(place, 'hang'), 'not_found', /counted from 0/)
      refused(() => helos.requests(place), 'not_found', /there is no device/)
    }
    const start = (options) =>
      assert.rejects(Simulator.start(options), { code: 'validation_failed' })
    await start({ timing: { boot_ms: 'soon' } })
    await start({ cout: 2 })
    await start({ count: -1 })
    await start({ ingest: { personality: 'kind' } })
    await start({ thermal: { idle: NaN } })
  })

  it('take a manager through a failover, and tell it from the ingest', async (test) => {
    await disposing(
      await Simulator.start({ count: 2, fast: true, password: 'studio' }),
      async (helos) => {
        const encoders = helos.encoders()
        assert.deepEqual(
          encoders.map(({ encoder_id, password }) => [encoder_id, password]),
          [
            ['helo-1', 'studio'],
            ['helo-2', 'studio'],
          ],
        )
        const manager = await opened(test, { encoders })
        await until('both are online', () => online(manager) === 2)
        const stream = await manager.startStream(REQUEST, { waitLive: true })
        const place = () => Number(stream.document().primary.encoder_id.at(-1)) - 1
        const first = place()
        const publishers = () => helos.ingest.publishers(stream.rtmpUrl, stream.revealKey())
        assert.deepEqual(
          publishers().map(({ serial }) => serial),
          [helos.serials[first]],
        )
        helos.inject(first, 'refuse_connections')
        await until('moved', () => place() !== first && stream.state === 'live')
        await until('there', () =>
          publishers().some(({ serial }) => serial === helos.serials[place()]),
        )
        const accepted = helos.ingest.history().filter(({ what }) => what === 'accepted')
        assert.deepEqual(
          accepted.map(({ serial }) => serial),
          [helos.serials[first], helos.serials[place()]],
        )
        helos.ingest.dropPublishers(stream.rtmpUrl, stream.revealKey())
        await until('dropped', () => helos.ingest.history().some(({ what }) => what === 'dropped'))
        await manager.close()
      },
    )
  })

  it('refuse publishers when they are told to', async (test) => {
    const helos = await started(test, { ingest: { personality: 'reject' } })
    const manager = await opened(test, { encoders: helos.encoders() })
    await until('online', () => online(manager) === 1)
    helos.ingest.refuseEverybody(true)
    const start = manager.startStream(
      { ...REQUEST, protection: 'none' },
      { waitLive: true, deadlineMs: 1000 },
    )
    await assert.rejects(start, { code: 'deadline_exceeded' })
    assert.ok(helos.ingest.history().some(({ what }) => what === 'refused'))
  })

  it('are gone once they are closed', async () => {
    const helos = await Simulator.start({ count: 2 })
    const [url] = helos.urls
    await Promise.all([helos.close(), helos.close()])
    await assert.rejects(fetch(url), TypeError)
    assert.throws(() => helos.get(0, 'Temperature'), { code: 'shutting_down' })
    await helos[Symbol.asyncDispose]()
  })

  it('are not started when nobody waits for them', async () => {
    const signal = AbortSignal.abort()
    await assert.rejects(Simulator.start({}, { signal }), { name: 'AbortError' })
  })
})

describe('types of the simulator', () => {
  /** The names that the native half would have taken instead. */
  async function known(act) {
    const { message } = await act().then(
      () => assert.fail('was accepted'),
      (error) => error,
    )
    const [, names] = message.split('expected one of ')
    return names.split(', ').map((name) => name.replaceAll('`', ''))
  }

  /** The names in a type: of its fields, or of the variants of a union. */
  function typed(name, pattern) {
    const [, body] = new RegExp(`export (?:interface|type) ${name}\\b([^]*?)\\n\\n`).exec(documents)
    return Array.from(body.matchAll(pattern), ([, found]) => found)
  }

  it('have every fault', async (test) => {
    const helos = await started(test)
    const kinds = await known(async () => helos.inject(0, 'rain'))
    assert.deepEqual(typed('FaultKind', /^ {2}\| (?:'|\{ )(\w+)/gm), kinds)
  })

  it('have every limit of a fault', async (test) => {
    const helos = await started(test)
    const limits = await known(async () => helos.inject(0, 'hang', { sometimes: true }))
    assert.deepEqual(['kind', ...typed('FaultLimits', /^ {2}(\w+)\?:/gm)], limits)
  })

  it('have every option', async () => {
    // Those that real media need, in a build that has them, are not offered.
    const options = (await known(() => Simulator.start({ no: 1 }))).filter(
      (name) => name !== 'live_media',
    )
    const own = ['count', 'fast', 'ingest']
    assert.deepEqual(typed('SimulatorOptions', /^ {2}(\w+)\?:/gm), [...own, ...options])
    const timing = await known(() => Simulator.start({ timing: { no: 1 } }))
    assert.deepEqual(typed('SimulatorTiming', /^ {2}(\w+)\?:/gm), timing)
    const media = await known(() => Simulator.start({ media: { no: 1 } }))
    assert.deepEqual(typed('SimulatedMedium', /^ {2}(\w+)\?:/gm), media)
  })
})

/** `await using`, which this version of Node does not know. */
async function disposing(resource, work) {
  try {
    await work(resource)
  } finally {
    await resource[Symbol.asyncDispose]()
  }
}
