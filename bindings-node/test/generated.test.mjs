// What is generated and committed is what the generators make today.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('..', import.meta.url))
const { scripts } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'))
// The features that the rest of the workspace was built with, so that little is compiled again.
const cargoArguments = (process.env.CARGO_ARGUMENTS ?? '').split(' ').filter(Boolean)

describe('generated files', () => {
  let fresh
  before(() => (fresh = mkdtempSync(join(tmpdir(), 'encoder-manager-'))))
  after(() => rmSync(fresh, { recursive: true }))

  it('documents.ts is made of the OpenAPI document', () => {
    const [program, ...args] = scripts.documents.replace('lib/', `${fresh}/`).split(' ')
    execFileSync(join(here, 'node_modules/.bin', program), args, { cwd: here, stdio: 'ignore' })
    same('lib/documents.ts', 'documents')
  })

  it('native.js and native.d.ts are made of the Rust code', () => {
    const native = [join(here, 'scripts/native.mjs'), '--into', fresh, ...cargoArguments]
    execFileSync(process.execPath, native, { cwd: here, stdio: ['ignore', 'ignore', 'pipe'] })
    same('native.js', 'native:dev')
    same('native.d.ts', 'native:dev')
  })

  function same(path, script) {
    const committed = readFileSync(join(here, path), 'utf8')
    const made = readFileSync(join(fresh, basename(path)), 'utf8')
    assert.ok(committed === made, `${path} is out of date; run "npm run ${script}" and commit it`)
  }
})
