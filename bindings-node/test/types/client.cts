import { Client, NotFoundError, type StreamHealthEvent } from 'encoder-manager/server'
import manager = require('encoder-manager')

async function look(url: string, id: string): Promise<StreamHealthEvent['data']['status'] | null> {
  const client = new Client({ url })
  try {
    return (await client.streams.health(id)).status
  } catch (error) {
    // One class, whichever entry it comes from.
    const missing: manager.NotFoundError | false = error instanceof NotFoundError && error
    if (missing) return null
    throw error
  }
}

void look('http://127.0.0.1:8080', manager.version())
