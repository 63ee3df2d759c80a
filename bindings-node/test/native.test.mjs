// What the package's native half and its generated loader promise.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { describe, it } from 'node:test'

import * as esm from 'encoder-manager'
import * as server from 'encoder-manager/server'

const require = createRequire(import.meta.url)
const manifest = require('encoder-manager/package.json')

describe('native module', () => {
  it('has the version of the package and of the workspace', () => {
    const workspace = readFileSync(new URL('../../Cargo.toml', import.meta.url), 'utf8')
    const [, version] = /^version = "(.+)"$/m.exec(workspace)
    assert.equal(manifest.version, version)
    assert.equal(esm.version(), version)
  })

  it('is one module and one set of classes for import and require', () => {
    for (const [entry, imported] of [
      ['encoder-manager', esm],
      ['encoder-manager/server', server],
    ]) {
      const required = require(entry)
      const names = Object.keys(imported).filter((name) => name !== '__esModule')
      assert.deepEqual(Object.keys(required).sort(), names.sort())
      for (const name of names) assert.equal(required[name], imported[name], name)
    }
    assert.equal(esm.NotFoundError, server.NotFoundError)
  })

  const nativeFilesLoadedBy = (load) => {
    const code = `import { createRequire } from 'node:module'
      const require = createRequire('${import.meta.url}')
      ${load}
      console.log(Object.keys(require.cache).filter((path) => /native\\.js$|\\.node$/.test(path)).length)`
    const cwd = new URL('..', import.meta.url).pathname
    const args = ['--input-type=module', '--eval', code]
    return Number(execFileSync(process.execPath, args, { cwd }).toString())
  }

  it('is not loaded by the server client', () => {
    assert.equal(nativeFilesLoadedBy(`require('encoder-manager')`), 2)
    assert.equal(nativeFilesLoadedBy(`await import('encoder-manager')`), 2)
    assert.equal(nativeFilesLoadedBy(`require('encoder-manager/server')`), 0)
    assert.equal(nativeFilesLoadedBy(`await import('encoder-manager/server')`), 0)
  })
})
