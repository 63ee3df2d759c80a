/** API keys of a server; all of it needs the scope `admin`. */
import type { ApiKey, KeyRequest, NewApiKey, PageApiKey } from '../documents.js'
import type { Api } from './api.js'
import type { CallOptions } from './options.js'
import { everyItem } from './pages.js'
import { split, type Query } from './query.js'

/** Makes, lists and revokes API keys: {@link Client.keys}. */
export class Keys {
  readonly #api: Api

  /** @internal */
  constructor(api: Api) {
    this.#api = api
  }

  /** Makes a key, shown this once. Never repeated: a lost answer leaves a key to revoke. */
  create(request: KeyRequest, options: CallOptions = {}): Promise<NewApiKey> {
    return this.#api.call('keys.create', 'never', options, (requests, route) =>
      requests.POST('/api/keys', { ...route, body: request }),
    )
  }

  /** A page of the keys, by id, revoked and expired ones included. */
  list(options: Query<'get_api_keys'> = {}): Promise<PageApiKey> {
    const [call, query] = split(options)
    return this.#api.read('keys.list', call, (requests, route) =>
      requests.GET('/api/keys', { ...route, params: { query } }),
    )
  }

  /** Every key, page by page. */
  all(options: Query<'get_api_keys'> = {}): AsyncGenerator<ApiKey, void, undefined> {
    return everyItem(options.cursor, (cursor) => this.list({ ...options, cursor }))
  }

  /** Ends a key now. Revoking it twice changes nothing. */
  revoke(id: string, options: CallOptions = {}): Promise<ApiKey> {
    return this.#api.call('keys.revoke', 'always', options, (requests, route) =>
      requests.DELETE('/api/keys/{id}', { ...route, params: { path: { id } } }),
    )
  }
}
