/** Encoders of a server. */
import type {
  ActionRequest,
  BulkAnswer,
  BulkRequest,
  ControlOutcome,
  Encoder,
  EncoderFigures,
  EncoderHealthAnswer,
  EncoderRequest,
  EncoderStatus,
  FleetCounts,
  PageEncoder,
} from '../documents.js'
import type { Api } from './api.js'
import type { CallOptions } from './options.js'
import { everyItem } from './pages.js'
import { split, type Query } from './query.js'
import { ifMatch, type RevisionOptions } from './revision.js'

/** Registers, watches and commands encoders: {@link Client.encoders}. */
export class Encoders {
  readonly #api: Api

  /** @internal */
  constructor(api: Api) {
    this.#api = api
  }

  /** A page of the encoders, by id. */
  list(options: Query<'get_api_encoders'> = {}): Promise<PageEncoder> {
    const [call, query] = split(options)
    return this.#api.read('encoders.list', call, (requests, route) =>
      requests.GET('/api/encoders', { ...route, params: { query } }),
    )
  }

  /** Every encoder, page by page. */
  all(options: Query<'get_api_encoders'> = {}): AsyncGenerator<Encoder, void, undefined> {
    return everyItem(options.cursor, (cursor) => this.list({ ...options, cursor }))
  }

  /** One encoder, with its ETag for `ifMatch`. */
  get(id: string, options: CallOptions = {}): Promise<Encoder> {
    return this.#api.read('encoders.get', options, (requests, route) =>
      requests.GET('/api/encoders/{id}', { ...route, params: { path: { id } } }),
    )
  }

  /** Registers an encoder. Never repeated: a second time it exists already. */
  add(request: EncoderRequest, options: CallOptions = {}): Promise<Encoder> {
    return this.#api.call('encoders.add', 'never', options, (requests, route) =>
      requests.POST('/api/encoders', { ...route, body: request }),
    )
  }

  /** Changes an encoder. What is left out gets its default, except the password, which stays. */
  update(
    id: string,
    request: EncoderRequest,
    options: CallOptions & RevisionOptions<Encoder> = {},
  ): Promise<Encoder> {
    const header = ifMatch(options)
    const repeatability = options.ifMatch === undefined ? 'always' : 'when_refused'
    return this.#api.call('encoders.update', repeatability, options, (requests, route) => {
      const params = { path: { id }, header }
      return requests.PUT('/api/encoders/{id}', { ...route, params, body: request })
    })
  }

  /**
   * Removes an encoder. `drain` moves its streams away first, instead of refusing while it serves
   * one. When an answer got lost and the repetition finds no encoder, that is a
   * {@link NotFoundError}.
   */
  remove(id: string, options: Query<'delete_api_encoders__id'> = {}): Promise<void> {
    const [call, query] = split(options)
    return this.#api.perform('encoders.remove', 'always', call, (requests, route) =>
      requests.DELETE('/api/encoders/{id}', { ...route, params: { path: { id }, query } }),
    )
  }

  /** What an encoder says about itself. */
  status(id: string, options: CallOptions = {}): Promise<EncoderStatus> {
    return this.#api.read('encoders.status', options, (requests, route) =>
      requests.GET('/api/encoders/{id}/status', { ...route, params: { path: { id } } }),
    )
  }

  /** Its figures now; with `from`, `to` or `step` also those of the past. */
  metrics(
    id: string,
    options: Query<'get_api_encoders__id__metrics'> = {},
  ): Promise<EncoderFigures> {
    const [call, query] = split(options)
    return this.#api.read('encoders.metrics', call, (requests, route) =>
      requests.GET('/api/encoders/{id}/metrics', { ...route, params: { path: { id }, query } }),
    )
  }

  /** How it is doing: readings, connection, heat, scores and issues. */
  health(id: string, options: CallOptions = {}): Promise<EncoderHealthAnswer> {
    return this.#api.read('encoders.health', options, (requests, route) =>
      requests.GET('/health/encoder/{id}', { ...route, params: { path: { id } } }),
    )
  }

  /** How many encoders are in which state. */
  counts(options: CallOptions = {}): Promise<FleetCounts> {
    return this.#api.read('encoders.counts', options, (requests, route) =>
      requests.GET('/api/encoders/system/status', { ...route }),
    )
  }

  /** Tells an encoder to do something. Never repeated: it could reboot twice. */
  control(id: string, action: ActionRequest, options: CallOptions = {}): Promise<ControlOutcome> {
    return this.#api.call('encoders.control', 'never', options, (requests, route) => {
      const params = { path: { id } }
      return requests.POST('/api/encoders/{id}/control', { ...route, params, body: action })
    })
  }

  /**
   * Tells several encoders to do something. It succeeds as a whole; each result has an `outcome` or
   * a `problem`, which {@link fromProblem} turns into an error. Never repeated.
   */
  bulk(request: BulkRequest, options: CallOptions = {}): Promise<BulkAnswer> {
    return this.#api.call('encoders.bulk', 'never', options, (requests, route) =>
      requests.POST('/api/encoders/bulk', { ...route, body: request }),
    )
  }
}
