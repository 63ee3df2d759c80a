/** Typed requests: what the OpenAPI document describes, over the transport. */
import createClient, { type Client as TypedFetch } from 'openapi-fetch'

import type { paths } from '../documents.js'
import { ValidationFailedError } from '../errors.js'
import type { CallOptions } from './options.js'
import { ServerProtocolError } from './problem.js'
import type { Repeatability } from './retry.js'
import type { Transport } from './transport.js'

/** Requests by method and path, with the types of the OpenAPI document. */
export type Requests = TypedFetch<paths, `${string}/${string}`>

/** What each request is given along: it goes through the transport. */
export interface Route {
  readonly fetch: (request: Request) => Promise<Response>
}

/** Sends one request. */
export type Send<Document> = (
  requests: Requests,
  route: Route,
) => Promise<{ data?: Document | undefined; response: Response }>

/** ETags of the documents that this client gave out. */
const etags = new WeakMap<object, string>()

/**
 * The ETag that a document came with; `undefined` where it came with none. It names the revision of
 * a stream or an encoder.
 */
export function etagOf(document: object): string | undefined {
  return etags.get(document)
}

/** Makes the requests of all resources. */
export class Api {
  readonly transport: Transport
  readonly #requests: Requests

  constructor(transport: Transport) {
    this.transport = transport
    this.#requests = createClient<paths, `${string}/${string}`>({
      baseUrl: transport.url,
      pathSerializer: writePath,
    })
  }

  /** Asks for something: never changes anything. */
  read<Document>(
    operation: string,
    options: CallOptions,
    send: Send<Document>,
  ): Promise<NonNullable<Document>> {
    return this.call(operation, 'always', options, send)
  }

  /**
   * Makes a request and returns its document.
   *
   * @throws {@link EncoderError}; the reason of the signal in `options`
   */
  async call<Document>(
    operation: string,
    repeatability: Repeatability,
    options: CallOptions,
    send: Send<Document>,
  ): Promise<NonNullable<Document>> {
    const document = await this.#send(operation, repeatability, options, send)
    if (document != null) return document
    throw notAnAnswer(operation)
  }

  /** The same for a request whose answer has no document. */
  async perform(
    operation: string,
    repeatability: Repeatability,
    options: CallOptions,
    send: Send<unknown>,
  ): Promise<void> {
    await this.#send(operation, repeatability, options, send)
  }

  /** The document at a path that the OpenAPI document does not describe: its own. */
  async readDocument(
    operation: string,
    path: string,
    options: CallOptions,
  ): Promise<Record<string, unknown>> {
    const call = { operation, repeatability: 'always', options } as const
    const request = new Request(`${this.transport.url}${path}`)
    const answer = await this.transport.send(request, call)
    try {
      return (await answer.json()) as Record<string, unknown>
    } catch {
      throw notAnAnswer(operation)
    }
  }

  async #send<Document>(
    operation: string,
    repeatability: Repeatability,
    options: CallOptions,
    send: Send<Document>,
  ): Promise<Document | undefined> {
    const call = { operation, repeatability, options }
    const route = { fetch: (request: Request) => this.transport.send(request, call) }
    try {
      const { data, response } = await send(this.#requests, route)
      const etag = response.headers.get('etag')
      if (etag !== null && typeof data === 'object' && data !== null) etags.set(data, etag)
      return data
    } catch (error) {
      throw error instanceof SyntaxError ? notAnAnswer(operation) : error
    }
  }
}

function notAnAnswer(operation: string): ServerProtocolError {
  const message = 'the answer is not JSON; does the address lead to the server itself?'
  return new ServerProtocolError(message, { code: 'server_protocol', operation })
}

/** Puts ids into a path. */
function writePath(path: string, ids: Record<string, unknown>): string {
  return path.replace(/\{([^}]+)\}/g, (_, name: string) => {
    const id = String(ids[name])
    // These would vanish from the path, so that the request meant something else.
    if (id === '' || id === '.' || id === '..') throw notAnId(name, id)
    return encodeURIComponent(id)
  })
}

function notAnId(name: string, id: string): ValidationFailedError {
  const message = `'${id}' cannot be an id`
  const violations = [{ field: name, code: 'invalid_value', message }]
  return new ValidationFailedError(message, { code: 'validation_failed', violations })
}
