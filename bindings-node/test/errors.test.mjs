import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { inspect } from 'node:util'

import * as manager from 'encoder-manager/server'

const vectors = JSON.parse(
  readFileSync(new URL('../../tests/vectors/errors.json', import.meta.url)),
)
const { EncoderError, ERROR_CLASSES, fromDocument } = manager

describe('errors', () => {
  for (const { kind, code } of vectors.kinds) {
    it(`${code} is a ${kind}Error`, () => {
      const error = fromDocument({ code, message: 'what happened', retry: 'safe' })
      assert.equal(error.constructor, manager[`${kind}Error`])
      assert.ok(error instanceof EncoderError && error instanceof Error)
      assert.equal(error.name, `${kind}Error`)
      assert.equal(error.code, code)
      assert.equal(String(error), `${kind}Error: what happened`)
    })
  }

  it('has no class for a kind that the core does not have', () => {
    const codes = vectors.kinds.map(({ code }) => code)
    assert.deepEqual(Object.keys(ERROR_CLASSES), codes)
  })

  it('knows every word for whether to retry', () => {
    for (const retry of vectors.retry) {
      assert.equal(fromDocument({ code: 'conflict', message: '', retry }).retry, retry)
    }
    assert.equal(fromDocument({ code: 'conflict', message: '', retry: 'perhaps' }).retry, 'never')
  })

  it('comes back as the document it was made of', () => {
    const document = {
      code: 'validation_failed',
      message: 'not acceptable: bitrate',
      retry: 'never',
      operation: 'Manager::start_stream',
      context: { encoder: 'helo-1' },
      violations: [
        { field: 'bitrate', code: 'out_of_range', message: 'at most 20 Mbit/s', recommended: 8e6 },
        { field: 'fps', code: 'not_a_fraction', message: 'half of the input or all of it' },
      ],
    }
    assert.deepEqual(JSON.parse(JSON.stringify(fromDocument(document))), document)
  })

  it('keeps a code that this version does not know', () => {
    const error = fromDocument({ code: 'from_the_future', message: 'news' })
    assert.equal(error.constructor, EncoderError)
    assert.equal(error.code, 'from_the_future')
    assert.equal(fromDocument({ code: 'constructor', message: '' }).constructor, EncoderError)
  })

  it('does not throw at what is no error document', () => {
    for (const nonsense of [undefined, null, 'text', 7, [], {}, { code: 7 }]) {
      assert.equal(fromDocument(nonsense).code, 'unexpected')
    }
    const ragged = fromDocument({
      code: 'conflict',
      message: 7,
      context: [],
      violations: [null, {}],
    })
    assert.equal(ragged.message, 'conflict')
    assert.deepEqual(ragged.context, {})
    assert.deepEqual(ragged.violations, [{ field: '', code: '', message: '' }])
  })

  it('shows what an operator needs when printed', () => {
    const document = { code: 'not_found', message: 'no such stream', context: { stream: 'str_1' } }
    assert.match(
      inspect(fromDocument(document)),
      /^NotFoundError: no such stream[^]*stream: 'str_1'/,
    )
  })
})
