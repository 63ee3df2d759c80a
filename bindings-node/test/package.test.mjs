// The tarballs, as somebody else gets them: no path leads from them back to this folder.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('..', import.meta.url))
const dist = join(here, 'dist')
const { version } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'))
const tool = (name) => join(here, 'node_modules/.bin', name)

describe('tarballs', () => {
  let project
  let main

  before(() => {
    const tarballs = readdirSync(dist).filter((name) => name.endsWith('.tgz'))
    main = join(dist, `encoder-manager-${version}.tgz`)
    assert.equal(tarballs.length, 2, `run "make npm-pack" first; in dist: ${tarballs}`)
    project = mkdtempSync(join(tmpdir(), 'encoder-manager-'))
    writeFileSync(join(project, 'package.json'), '{"private": true}')
    const install = ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--prefer-offline']
    execFileSync('npm', [...install, ...tarballs.map((name) => join(dist, name))], { cwd: project })
  })

  after(() => project && rmSync(project, { recursive: true }))

  const run = (...args) => execFileSync(process.execPath, args, { cwd: project }).toString().trim()

  it('can be required', () => {
    const code = `console.log(require('encoder-manager').version())`
    assert.equal(run('--eval', code), version)
    const server = `console.log(typeof require('encoder-manager/server').EncoderError)`
    assert.equal(run('--eval', server), 'function')
  })

  it('can be imported', () => {
    const code = `import { version, EncoderError } from 'encoder-manager'
      import { EncoderError as Same } from 'encoder-manager/server'
      console.log(version(), EncoderError === Same)`
    assert.equal(run('--input-type=module', '--eval', code), `${version} true`)
  })

  it('have types that resolve for both kinds of module', () => {
    const profile = ['--profile', 'node16', '--no-emoji', '--no-color']
    execFileSync(tool('attw'), [main, ...profile], { stdio: ['ignore', 'pipe', 'inherit'] })
  })

  it('have an exports map that publint finds nothing wrong with', () => {
    execFileSync(tool('publint'), ['run', main, '--strict'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
  })

  it('hold the licenses and neither sources nor tests', () => {
    for (const name of readdirSync(dist)) {
      const files = execFileSync('tar', ['tzf', join(dist, name)])
        .toString()
        .split('\n')
      assert.ok(files.includes('package/LICENSE-MIT') && files.includes('package/LICENSE-APACHE'))
      assert.deepEqual(
        files.filter((file) => /^package\/(lib|src|test|scripts)\//.test(file)),
        [],
      )
    }
  })
})
