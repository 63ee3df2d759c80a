// Builds the native module with cargo's dev profile, into the target folder that the rest of the
// workspace is built into, and generates native.js and native.d.ts. `napi build` would do the same
// into a folder of its own and compile every dependency a second time; releases use it.
//
//   node scripts/native.mjs [--into FOLDER] [cargo's arguments, such as --workspace --all-features]
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { generateTypeDef, parseTriple, readNapiConfig, writeJsBinding } from '@napi-rs/cli'

const here = fileURLToPath(new URL('..', import.meta.url))
const CRATE = 'encoder-manager-node'

const chosen = process.argv.slice(2)
const into = chosen[0] === '--into' ? chosen.splice(0, 2)[1] : here

/** Runs cargo so that the macros of napi leave their types in `types`; returns the library. */
function build(types) {
  const scope = chosen.includes('--workspace') ? chosen : ['-p', CRATE, ...chosen]
  // The build script runs anew when this changes, so it must be another folder each time: types are
  // left only by compiling.
  const env = { ...process.env, NAPI_TYPE_DEF_TMP_FOLDER: types }
  const format = '--message-format=json-render-diagnostics'
  const out = execFileSync('cargo', ['build', '--locked', format, ...scope], {
    cwd: here,
    env,
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const messages = out
    .toString()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  const artifact = messages.find(({ target }) => target?.name === CRATE.replaceAll('-', '_'))
  return artifact.filenames.find((name) => /\.(so|dylib|dll)$/.test(name))
}

async function generate(types, config) {
  const { exports, dts } = await generateTypeDef({
    typeDefDir: types,
    cwd: here,
    declareBindingTarget: true,
  })
  writeFileSync(join(into, 'native.d.ts'), dts)
  await writeJsBinding({
    platform: true,
    idents: exports,
    jsBinding: 'native.js',
    binaryName: config.binaryName,
    packageName: config.packageName,
    version: config.packageJson.version,
    outputDir: into,
  })
}

const types = mkdtempSync(join(tmpdir(), 'encoder-manager-types-'))
try {
  const config = await readNapiConfig(join(here, 'package.json'))
  const host = /^host: (.+)$/m.exec(execFileSync('rustc', ['-vV']).toString())[1]
  mkdirSync(into, { recursive: true })
  const name = `${config.binaryName}.${parseTriple(host).platformArchABI}.node`
  copyFileSync(build(types), join(into, name))
  await generate(types, config)
} finally {
  rmSync(types, { recursive: true })
}
