// The API key is shown nowhere, and options that cannot work are refused before they are used.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { inspect } from 'node:util'

import { Client, ConfigInvalidError } from 'encoder-manager/server'

import { hangUp, problem, silence, stub } from './support/stub.mjs'

const KEY = 'em_secret_0123456789'
const everything = { depth: Infinity, showHidden: true, getters: true }

describe('the API key', () => {
  it('is not in what is printed of a client or its parts', () => {
    const client = new Client({ url: 'http://server.example', apiKey: KEY })
    for (const one of [client, client.streams, client.monitoring, client.events()]) {
      assert.ok(!inspect(one, everything).includes(KEY))
      assert.ok(!(JSON.stringify(one) ?? '').includes(KEY))
    }
  })

  it('is not in errors, whatever went wrong', async () => {
    const failures = [hangUp, problem(401, 'key_unknown'), problem(503, 'not_leader'), silence]
    for (const failure of failures) {
      const server = await stub(failure)
      const retry = { attempts: 1 }
      const client = new Client({ url: server.url, apiKey: KEY, timeoutMs: 50, retry })
      const feed = () => client.events({ silenceMs: 50, retry }).next()
      for (const call of [() => client.encoders.counts(), feed]) {
        const error = await call().catch((error) => error)
        assert.ok(error instanceof Error)
        assert.ok(!inspect(error, everything).includes(KEY), inspect(error))
      }
      await server.close()
    }
  })

  it('is not sent to where a redirect leads', async () => {
    const other = await stub(silence)
    const moved = (_, response) => response.writeHead(307, { location: other.url }).end()
    const server = await stub(moved)
    const client = new Client({ url: server.url, apiKey: KEY })
    await assert.rejects(client.encoders.counts(), { code: 'server_protocol' })
    await assert.rejects(client.events().next(), { code: 'server_protocol' })
    assert.equal(other.requests.length, 0)
    await Promise.all([server.close(), other.close()])
  })
})

describe('options', () => {
  const url = 'http://server.example'
  for (const [name, options] of Object.entries({
    'no address': { url: 'server.example' },
    'another protocol': { url: 'ftp://server.example' },
    'a password in the address': { url: `http://admin:${KEY}@server.example` },
    'a query in the address': { url: `${url}/?key=${KEY}` },
    'a key with a line break': { url, apiKey: `${KEY}\n` },
    'a key that is no ASCII': { url, apiKey: `${KEY}…` },
    'no time at all': { url, timeoutMs: 0 },
    'more time than timers have': { url, timeoutMs: 2 ** 31 },
    'no attempt': { url, retry: { attempts: 0 } },
    'a wait that is no number': { url, retry: { firstWaitMs: Number.NaN } },
  })) {
    it(`refuse ${name}, without showing it`, () => {
      const refused = (error) =>
        error instanceof ConfigInvalidError && !inspect(error, everything).includes(KEY)
      assert.throws(() => new Client(options), refused)
    })
  }

  it('of a call are refused like those of a client', async () => {
    const client = new Client({ url })
    const refused = { name: 'ConfigInvalidError' }
    await assert.rejects(client.alive({ timeoutMs: -1 }), refused)
    await assert.rejects(client.alive({ retry: { attempts: 0 } }), refused)
    await assert.rejects(client.streams.waitLive('str_1', { deadlineMs: 0 }), refused)
    await assert.rejects(client.events({ silenceMs: 0 }).next(), refused)
  })

  it('take an undefined for what is left out', () => {
    const retry = { attempts: undefined }
    new Client({ url: new URL(url), apiKey: undefined, timeoutMs: undefined, retry })
  })
})
