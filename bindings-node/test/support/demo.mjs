// A real server with six simulated encoders, as `encoder-server demo` starts it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const program = join(process.env.CARGO_TARGET_DIR ?? join(root, 'target'), 'debug/encoder-server')

/** Starts it; the address and an admin key are there when its story is over. */
export async function startDemo() {
  if (!existsSync(program)) throw new Error('run "cargo build -p encoder-server" first')
  const args = ['demo', '--no-video', '--listen', '127.0.0.1:0']
  const server = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(server, 'exit')
  let url, apiKey
  for await (const line of createInterface({ input: server.stdout })) {
    url ??= /^The server is at ([^,]+),/.exec(line)?.[1]
    apiKey ??= /^API key \(admin\): (em_\w+)/.exec(line)?.[1]
    if (line.startsWith('Everything stays up')) break
  }
  if (server.exitCode !== null || !url || !apiKey) throw new Error('the demo did not come up')
  server.stdout.resume()
  const stop = async () => {
    server.kill('SIGTERM')
    await ended
  }
  return { url, apiKey, stop }
}
