// A server of our own making on a free loopback port, for what a real one rarely does.
import { once } from 'node:events'
import { createServer } from 'node:http'

/**
 * Answers with `handlers`, one request each, the last one again and again. What was asked is in
 * `requests`. Close it with `await using` or `close()`.
 */
export async function stub(...handlers) {
  const requests = []
  const server = createServer(async (request, response) => {
    const chunks = await request.toArray().catch(() => [])
    const { method, url, headers } = request
    requests.push({ method, url, headers, body: Buffer.concat(chunks).toString(), at: Date.now() })
    const handler = handlers[Math.min(requests.length, handlers.length) - 1]
    await handler(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const close = () => {
    server.closeAllConnections()
    return new Promise((done) => server.close(done))
  }
  return { url: `http://127.0.0.1:${server.address().port}`, requests, server, close }
}

/** Answers with a JSON document. */
export const json = (document, { status = 200, headers = {} } = {}) => {
  const type = status >= 400 ? 'application/problem+json' : 'application/json'
  return (_, response) =>
    response.writeHead(status, { 'content-type': type, ...headers }).end(JSON.stringify(document))
}

/** Answers with a problem document, as the server writes it. */
export const problem = (status, code, more = {}, headers = {}) =>
  json(
    { type: `urn:x:${code}`, title: code, status, detail: `it is ${code}`, code, ...more },
    {
      status,
      headers,
    },
  )

/** Ends the connection without an answer. */
export const hangUp = (request) => request.socket.destroy()

/** Begins an answer and ends the connection in the middle of it. */
export const halfAnswer = (_, response) => {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' })
  response.write('{"items": [', () => response.destroy())
}

/** Says nothing until the other side gives up. */
export const silence = () => {}

/** Sends the text as an event stream; then ends it, breaks it off, or leaves it open. */
export const feed = (text, then = 'end') => {
  return (_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(text, () => {
      if (then === 'end') response.end()
      if (then === 'break') response.destroy()
    })
  }
}

/** An event as the server writes it. */
export const event = (id, name, data) =>
  `${id === null ? '' : `id: ${id}\n`}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`
