/** The client of a server. */
import type { Alive, AuditEntryDto, PageAuditEntryDto } from '../documents.js'
import type { LiveEvent } from '../events.js'
import { Api } from './api.js'
import { Encoders } from './encoders.js'
import { follow, type EventOptions } from './feed.js'
import { Keys } from './keys.js'
import { Monitoring } from './monitoring.js'
import { readOptions, type CallOptions, type ClientOptions } from './options.js'
import { everyItem } from './pages.js'
import { split, type Query } from './query.js'
import { Streams } from './streams.js'
import { Transport } from './transport.js'

/**
 * Talks to one encoder-manager server with one API key.
 *
 * ```ts
 * const client = new Client({ url: 'http://127.0.0.1:8080', apiKey: process.env.KEY })
 * const stream = await client.streams.start(
 *   { resolution: '1920x1080', bitrate: 8_000_000, fps: 30 },
 *   { waitLive: true },
 * )
 * ```
 *
 * It holds no connection of its own and needs no closing. Every call rejects with an
 * {@link EncoderError}, or with the reason of its signal. Requests that have the same effect twice
 * are repeated by {@link RetryPolicy}; what cannot be undone is not.
 */
export class Client {
  readonly #api: Api
  /** Starts, watches, changes and stops streams. */
  readonly streams: Streams
  /** Registers, watches and commands encoders. */
  readonly encoders: Encoders
  /** Figures, alerts, certificates, heat. */
  readonly monitoring: Monitoring
  /** Makes, lists and revokes API keys. */
  readonly keys: Keys

  /** @throws {@link ConfigInvalidError} for options that cannot work */
  constructor(options: ClientOptions) {
    this.#api = new Api(new Transport(readOptions(options)))
    this.streams = new Streams(this.#api)
    this.encoders = new Encoders(this.#api)
    this.monitoring = new Monitoring(this.#api)
    this.keys = new Keys(this.#api)
  }

  /** The server's address. */
  get url(): string {
    return this.#api.transport.url
  }

  /**
   * What happens, as it happens, until the loop is left or the signal is set off:
   * `for await (const event of client.events())`.
   *
   * A connection that breaks off is made anew and goes on after the last event that arrived. What
   * was lost in between is told by an event `lagged`, never left out silently.
   *
   * @throws {@link EncoderError} when the server refuses, or cannot be reached for too long; the
   * reason of the signal
   */
  events(options: EventOptions = {}): AsyncGenerator<LiveEvent, void, undefined> {
    return follow(this.#api.transport, options)
  }

  /** Who did what with which key, newest first: a page of it. Needs the scope `admin`. */
  audit(options: Query<'get_api_audit'> = {}): Promise<PageAuditEntryDto> {
    const [call, query] = split(options)
    return this.#api.read('audit', call, (requests, route) =>
      requests.GET('/api/audit', { ...route, params: { query } }),
    )
  }

  /** All of it, page by page. */
  wholeAudit(options: Query<'get_api_audit'> = {}): AsyncGenerator<AuditEntryDto, void, undefined> {
    return everyItem(options.cursor, (cursor) => this.audit({ ...options, cursor }))
  }

  /** Whether the server runs. Needs no key. */
  alive(options: CallOptions = {}): Promise<Alive> {
    return this.#api.read('alive', options, (requests, route) =>
      requests.GET('/healthz', { ...route }),
    )
  }

  /**
   * Whether the server commands encoders. Needs no key, and asks once unless told otherwise.
   *
   * @throws {@link NotReadyError} while it does not
   */
  ready(options: CallOptions = {}): Promise<Alive> {
    const call = { retry: { attempts: 1 }, ...options }
    return this.#api.read('ready', call, (requests, route) => requests.GET('/readyz', { ...route }))
  }

  /** The server's description of itself: an OpenAPI document. Needs no key. */
  openapi(options: CallOptions = {}): Promise<Record<string, unknown>> {
    return this.#api.readDocument('openapi', '/openapi.json', options)
  }
}
