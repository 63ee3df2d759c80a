/** Alerts of a server, and whom it tells about them. */
import type {
  Alert,
  AlertSinks,
  Notification,
  PageAlert,
  PageNotification,
  Silence,
  SilenceRequest,
  Silences,
  SinkTest,
} from '../documents.js'
import type { Api } from './api.js'
import type { CallOptions } from './options.js'
import { everyItem } from './pages.js'
import { split, type Query } from './query.js'

/** Alerts, silences, sinks and notifications: `client.monitoring.alerts`. */
export class Alerts {
  readonly #api: Api

  /** @internal */
  constructor(api: Api) {
    this.#api = api
  }

  /** A page of the alerts, newest first. */
  list(options: Query<'get_api_monitoring_alerts'> = {}): Promise<PageAlert> {
    const [call, query] = split(options)
    return this.#api.read('monitoring.alerts.list', call, (requests, route) =>
      requests.GET('/api/monitoring/alerts', { ...route, params: { query } }),
    )
  }

  /** Every alert, page by page. */
  all(options: Query<'get_api_monitoring_alerts'> = {}): AsyncGenerator<Alert, void, undefined> {
    return everyItem(options.cursor, (cursor) => this.list({ ...options, cursor }))
  }

  /** Says that somebody looks after an alert. */
  acknowledge(id: string, options: CallOptions = {}): Promise<Alert> {
    return this.#api.call('monitoring.alerts.acknowledge', 'always', options, (requests, route) => {
      const params = { path: { id } }
      return requests.POST('/api/monitoring/alerts/{id}/acknowledge', { ...route, params })
    })
  }

  /** Every silence that is not long over. */
  silences(options: CallOptions = {}): Promise<Silences> {
    return this.#api.read('monitoring.alerts.silences', options, (requests, route) =>
      requests.GET('/api/monitoring/silences', { ...route }),
    )
  }

  /** Tells nobody about matching alerts for a while. Never repeated: it would be there twice. */
  silence(request: SilenceRequest, options: CallOptions = {}): Promise<Silence> {
    return this.#api.call('monitoring.alerts.silence', 'never', options, (requests, route) =>
      requests.POST('/api/monitoring/silences', { ...route, body: request }),
    )
  }

  /** Ends a silence now. */
  endSilence(id: string, options: CallOptions = {}): Promise<Silence> {
    return this.#api.call('monitoring.alerts.endSilence', 'always', options, (requests, route) =>
      requests.DELETE('/api/monitoring/silences/{id}', { ...route, params: { path: { id } } }),
    )
  }

  /** Whom the server tells, and how that works out. */
  sinks(options: CallOptions = {}): Promise<AlertSinks> {
    return this.#api.read('monitoring.alerts.sinks', options, (requests, route) =>
      requests.GET('/api/monitoring/sinks', { ...route }),
    )
  }

  /** Sends a test message through a sink. Never repeated: somebody would be told twice. */
  testSink(name: string, options: CallOptions = {}): Promise<SinkTest> {
    return this.#api.call('monitoring.alerts.testSink', 'never', options, (requests, route) => {
      const params = { path: { id: name } }
      return requests.POST('/api/monitoring/sinks/{id}/test', { ...route, params })
    })
  }

  /** A page of what was told and what is still to be told, newest first. */
  notifications(
    options: Query<'get_api_monitoring_notifications'> = {},
  ): Promise<PageNotification> {
    const [call, query] = split(options)
    return this.#api.read('monitoring.alerts.notifications', call, (requests, route) =>
      requests.GET('/api/monitoring/notifications', { ...route, params: { query } }),
    )
  }

  /** Tries again to tell what could not be told. Never repeated. */
  retryNotification(id: string, options: CallOptions = {}): Promise<Notification> {
    const operation = 'monitoring.alerts.retryNotification'
    return this.#api.call(operation, 'never', options, (requests, route) => {
      const params = { path: { id } }
      return requests.POST('/api/monitoring/notifications/{id}/retry', { ...route, params })
    })
  }
}
