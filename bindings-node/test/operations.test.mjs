// Every operation of the server has a method, and every method asks for what it says.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'

import { Client, etagOf, ValidationFailedError } from 'encoder-manager/server'

const vector = new URL('../../tests/vectors/openapi.json', import.meta.url)
const { paths } = JSON.parse(readFileSync(vector))

/** Operations without a method, and why. */
const LEFT_OUT = {
  'GET /ws': 'events() gets the same feed and can resume it',
  'POST /api/ingest/authorize': 'asked by the ingest, with a secret of its own',
  'POST /encoders/{id}/control': 'another name of /api/encoders/{id}/control',
  'GET /encoders/{id}/metrics': 'another name of /api/encoders/{id}/metrics',
  'GET /api/monitoring/encoders/{id}/metrics': 'another name of /api/encoders/{id}/metrics',
  'GET /errors/analysis': 'another name of /api/monitoring/errors',
  'GET /monitoring/streams/config/{encoder_id}': 'another name of the one under /api',
  'GET /monitoring/streams/health': 'another name of the one under /api',
}

const stream = { stream_id: 'str_1', state: 'live' }
const page = { items: [{ id: 1 }], next_cursor: null }

/** How to call each method, and what to answer. */
const CALLS = {
  'streams.start': [(c) => c.streams.start({ fps: 30 }), 'POST /api/streams/init'],
  'streams.waitLive': [(c) => c.streams.waitLive('x'), 'GET /api/streams/{id}', stream],
  'streams.list': [(c) => c.streams.list(), 'GET /api/streams', page],
  'streams.all': [(c) => c.streams.all().next(), 'GET /api/streams', page],
  'streams.get': [(c) => c.streams.get('x'), 'GET /api/streams/{id}'],
  'streams.health': [(c) => c.streams.health('x'), 'GET /api/streams/{id}/health'],
  'streams.update': [(c) => c.streams.update('x', {}), 'PUT /api/streams/{id}/config'],
  'streams.stop': [(c) => c.streams.stop('x'), 'DELETE /api/streams/{id}'],
  'streams.failover': [(c) => c.streams.failover('x'), 'POST /api/streams/{id}/failover'],
  'streams.drill': [(c) => c.streams.drill('x'), 'POST /api/streams/{id}/drill'],
  'streams.timeline': [(c) => c.streams.timeline('x'), 'GET /api/streams/{id}/timeline', page],
  'streams.wholeTimeline': [
    (c) => c.streams.wholeTimeline('x').next(),
    'GET /api/streams/{id}/timeline',
    page,
  ],
  'streams.thumbnail': [(c) => c.streams.thumbnail('x'), 'GET /api/streams/{id}/thumbnail'],
  'encoders.list': [(c) => c.encoders.list(), 'GET /api/encoders', page],
  'encoders.all': [(c) => c.encoders.all().next(), 'GET /api/encoders', page],
  'encoders.get': [(c) => c.encoders.get('x'), 'GET /api/encoders/{id}'],
  'encoders.add': [(c) => c.encoders.add({ address: 'http://h' }), 'POST /api/encoders'],
  'encoders.update': [(c) => c.encoders.update('x', {}), 'PUT /api/encoders/{id}'],
  'encoders.remove': [(c) => c.encoders.remove('x'), 'DELETE /api/encoders/{id}'],
  'encoders.status': [(c) => c.encoders.status('x'), 'GET /api/encoders/{id}/status'],
  'encoders.metrics': [(c) => c.encoders.metrics('x'), 'GET /api/encoders/{id}/metrics'],
  'encoders.health': [(c) => c.encoders.health('x'), 'GET /health/encoder/{id}'],
  'encoders.counts': [(c) => c.encoders.counts(), 'GET /api/encoders/system/status'],
  'encoders.control': [(c) => c.encoders.control('x', {}), 'POST /api/encoders/{id}/control'],
  'encoders.bulk': [(c) => c.encoders.bulk({}), 'POST /api/encoders/bulk'],
  'keys.create': [(c) => c.keys.create({}), 'POST /api/keys'],
  'keys.list': [(c) => c.keys.list(), 'GET /api/keys', page],
  'keys.all': [(c) => c.keys.all().next(), 'GET /api/keys', page],
  'keys.revoke': [(c) => c.keys.revoke('x'), 'DELETE /api/keys/{id}'],
  'monitoring.status': [(c) => c.monitoring.status(), 'GET /api/monitoring/status'],
  'monitoring.health': [(c) => c.monitoring.health(), 'GET /health/detailed'],
  'monitoring.metrics': [(c) => c.monitoring.metrics(), 'GET /api/monitoring/metrics'],
  'monitoring.prometheus': [(c) => c.monitoring.prometheus(), 'GET /metrics'],
  'monitoring.streams': [(c) => c.monitoring.streams(), 'GET /api/monitoring/streams/health'],
  'monitoring.assignments': [
    (c) => c.monitoring.assignments('x'),
    'GET /api/monitoring/streams/config/{encoder_id}',
  ],
  'monitoring.loadBalancer': [
    (c) => c.monitoring.loadBalancer(),
    'GET /api/monitoring/load-balancer',
  ],
  'monitoring.storage': [(c) => c.monitoring.storage(), 'GET /api/monitoring/storage'],
  'monitoring.performance': [(c) => c.monitoring.performance(), 'GET /api/monitoring/performance'],
  'monitoring.errors': [(c) => c.monitoring.errors(), 'GET /api/monitoring/errors'],
  'monitoring.certificates': [
    (c) => c.monitoring.certificates(),
    'GET /api/monitoring/certificates',
  ],
  'monitoring.renewCertificate': [
    (c) => c.monitoring.renewCertificate('x'),
    'POST /api/monitoring/certificates/{target}/renew',
  ],
  'monitoring.thermal.status': [
    (c) => c.monitoring.thermal.status(),
    'GET /api/monitoring/thermal/status',
  ],
  'monitoring.thermal.get': [
    (c) => c.monitoring.thermal.get('x'),
    'GET /api/monitoring/thermal/{id}/temperature',
  ],
  'monitoring.thermal.cool': [
    (c) => c.monitoring.thermal.cool('x'),
    'POST /api/monitoring/thermal/{id}/cooldown',
  ],
  'monitoring.alerts.list': [(c) => c.monitoring.alerts.list(), 'GET /api/monitoring/alerts', page],
  'monitoring.alerts.all': [
    (c) => c.monitoring.alerts.all().next(),
    'GET /api/monitoring/alerts',
    page,
  ],
  'monitoring.alerts.acknowledge': [
    (c) => c.monitoring.alerts.acknowledge('x'),
    'POST /api/monitoring/alerts/{id}/acknowledge',
  ],
  'monitoring.alerts.silences': [
    (c) => c.monitoring.alerts.silences(),
    'GET /api/monitoring/silences',
  ],
  'monitoring.alerts.silence': [
    (c) => c.monitoring.alerts.silence({}),
    'POST /api/monitoring/silences',
  ],
  'monitoring.alerts.endSilence': [
    (c) => c.monitoring.alerts.endSilence('x'),
    'DELETE /api/monitoring/silences/{id}',
  ],
  'monitoring.alerts.sinks': [(c) => c.monitoring.alerts.sinks(), 'GET /api/monitoring/sinks'],
  'monitoring.alerts.testSink': [
    (c) => c.monitoring.alerts.testSink('x'),
    'POST /api/monitoring/sinks/{id}/test',
  ],
  'monitoring.alerts.notifications': [
    (c) => c.monitoring.alerts.notifications(),
    'GET /api/monitoring/notifications',
    page,
  ],
  'monitoring.alerts.retryNotification': [
    (c) => c.monitoring.alerts.retryNotification('x'),
    'POST /api/monitoring/notifications/{id}/retry',
  ],
  events: [(c) => c.events().next(), 'GET /api/events', 'event: lagged\ndata: {}\n\n'],
  audit: [(c) => c.audit(), 'GET /api/audit', page],
  wholeAudit: [(c) => c.wholeAudit().next(), 'GET /api/audit', page],
  alive: [(c) => c.alive(), 'GET /healthz'],
  ready: [(c) => c.ready(), 'GET /readyz'],
  openapi: [(c) => c.openapi(), 'GET /openapi.json'],
}

/** A client whose requests end here, with what they asked for. */
function recorded(answer = {}, headers = {}) {
  const asked = []
  const isFeed = typeof answer === 'string'
  const type = isFeed ? 'text/event-stream' : 'application/json'
  const answered = { headers: { 'content-type': type, ...headers } }
  const fetch = async (request) => {
    asked.push(request)
    return new Response(isFeed ? answer : JSON.stringify(answer), answered)
  }
  return [new Client({ url: 'http://server.example/base/', apiKey: 'em_test', fetch }), asked]
}

/** Names of all methods of an object and of the objects it consists of, dotted. */
function methodsOf(object, prefix = '') {
  const own = Object.getOwnPropertyNames(Object.getPrototypeOf(object))
  const methods = own.filter((name) => name !== 'constructor' && typeof object[name] === 'function')
  const parts = Object.keys(object).flatMap((name) => methodsOf(object[name], `${prefix}${name}.`))
  return [...methods.map((name) => prefix + name), ...parts]
}

const operations = Object.entries(paths).flatMap(([path, methods]) =>
  Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
)

describe('operations', () => {
  it('all have a method, or a reason to have none', () => {
    const reached = new Set(Object.values(CALLS).map(([, operation]) => operation))
    const missing = operations.filter((one) => !reached.has(one) && !LEFT_OUT[one])
    assert.deepEqual(missing, [])
    const idle = Object.keys(LEFT_OUT).filter(
      (one) => !operations.includes(one) || reached.has(one),
    )
    assert.deepEqual(idle, [], 'these are left out for nothing')
  })

  it('are all that methods are there for', () => {
    const [client] = recorded()
    assert.deepEqual(methodsOf(client).sort(), Object.keys(CALLS).sort())
  })

  for (const [name, [call, operation, answer]] of Object.entries(CALLS)) {
    it(`${name} is ${operation}`, async () => {
      const [client, asked] = recorded(answer)
      await call(client)
      const [{ method, url, headers }] = asked
      const [verb, path] = operation.split(' ')
      assert.equal(method, verb)
      assert.equal(url.split('?')[0], `http://server.example/base${path.replace(/\{\w+\}/, 'x')}`)
      assert.equal(headers.get('authorization'), 'Bearer em_test')
      const known = operations.includes(operation) || operation === 'GET /openapi.json'
      assert.ok(known, 'the server has no such operation')
    })
  }

  it('go through all pages, from the one that is asked for', async () => {
    const pages = { undefined: ['a', 'b'], two: ['b', null] }
    const cursors = []
    const fetch = async (request) => {
      const cursor = new URL(request.url).searchParams.get('cursor') ?? undefined
      cursors.push(cursor)
      const [item] = pages[cursor]
      const next_cursor = cursor === undefined ? 'two' : null
      return Response.json({ items: [{ stream_id: item }], next_cursor })
    }
    const { streams } = new Client({ url: 'http://server.example', fetch })
    const ids = []
    for await (const { stream_id } of streams.all({ limit: 1 })) ids.push(stream_id)
    assert.deepEqual(
      [ids, cursors],
      [
        ['a', 'b'],
        [undefined, 'two'],
      ],
    )
    assert.equal((await streams.all({ cursor: 'two' }).next()).value.stream_id, 'b')
  })

  it('write only what was read when they are told so', async () => {
    const [client, asked] = recorded(stream, { etag: '"7"' })
    const read = await client.streams.get('x')
    assert.equal(etagOf(read), '"7"')
    await client.streams.update('x', { fps: 25 }, { ifMatch: read })
    await client.encoders.update('x', { address: 'http://h' }, { ifMatch: '"8"' })
    await client.streams.update('x', { fps: 25 })
    const sent = asked.map(({ headers }) => headers.get('if-match'))
    assert.deepEqual(sent, [null, '"7"', '"8"', null])
    const copy = { ...read }
    assert.throws(() => client.streams.update('x', {}, { ifMatch: copy }), ValidationFailedError)
  })

  it('are not led elsewhere by an id', async () => {
    const [client, asked] = recorded(stream)
    for (const id of ['', '.', '..']) {
      await assert.rejects(client.streams.stop(id), ValidationFailedError)
    }
    assert.equal(asked.length, 0)
    await client.streams.stop('../encoders/helo-1?drain=true#')
    const path = '/base/api/streams/..%2Fencoders%2Fhelo-1%3Fdrain%3Dtrue%23'
    assert.equal(asked[0].url, `http://server.example${path}`)
  })
})
