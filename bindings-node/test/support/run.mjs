// Programs that are told apart from the tests by a process of their own.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('../..', import.meta.url))

/**
 * Runs a program that may import `encoder-manager` and `./test/support`, until it ends by itself.
 *
 * @returns Its exit code or signal, and what it wrote.
 */
export function run(code, { flags = [], ms = 60_000 } = {}) {
  const args = [...flags, '--input-type=module', '--eval', code]
  const child = spawn(process.execPath, args, { cwd: here, timeout: ms })
  let out = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (out += data))
  return new Promise((resolve) => {
    child.on('close', (code, signal) => resolve({ end: signal ?? code, out: out.trim() }))
  })
}
