// Packs what was built into dist/: the package itself, and one package for each platform whose
// native module lies in this folder. The main package names those, and no others, as optional
// dependencies, so a registry is never asked for a package that was not made here.
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { parseTriple } from '@napi-rs/cli'

const here = fileURLToPath(new URL('..', import.meta.url))
const dist = join(here, 'dist')
const stage = join(dist, 'stage')
const LICENSES = ['LICENSE-APACHE', 'LICENSE-MIT']

const napi = (...args) => run(join(here, 'node_modules/.bin/napi'), [...args, '--cwd', stage])
const run = (program, args) => execFileSync(program, args, { stdio: 'pipe' })

function builtTargets(manifest) {
  const { binaryName, targets } = manifest.napi
  const files = readdirSync(here)
  return targets.filter((triple) =>
    files.includes(`${binaryName}.${parseTriple(triple).platformArchABI}.node`),
  )
}

function stagePackage() {
  rmSync(dist, { recursive: true, force: true })
  mkdirSync(stage, { recursive: true })
  const manifest = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'))
  const targets = builtTargets(manifest)
  if (targets.length === 0) throw new Error('no native module here; run "npm run native:release"')
  for (const name of [...manifest.files, 'README.md']) {
    cpSync(join(here, name), join(stage, name), { recursive: true })
  }
  for (const name of readdirSync(here).filter((name) => name.endsWith('.node'))) {
    cpSync(join(here, name), join(stage, name))
  }
  const { scripts: _, devDependencies: __, ...kept } = manifest
  write(join(stage, 'package.json'), { ...kept, napi: { ...manifest.napi, targets } })
}

function write(path, document) {
  writeFileSync(path, `${JSON.stringify(document, null, 2)}\n`)
}

stagePackage()
napi('create-npm-dirs')
napi('artifacts', '--output-dir', '.')
napi('pre-publish', '--tag-style', 'npm', '--skip-optional-publish', '--no-gh-release')
for (const name of readdirSync(join(stage, 'npm'))) pack(join(stage, 'npm', name))
pack(stage)
rmSync(stage, { recursive: true })
console.log(readdirSync(dist).sort().join('\n'))

function pack(folder) {
  for (const license of LICENSES) cpSync(join(here, '..', license), join(folder, license))
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  write(join(folder, 'package.json'), { ...manifest, files: [...manifest.files, ...LICENSES] })
  run('npm', ['pack', folder, '--silent', '--pack-destination', dist])
}
