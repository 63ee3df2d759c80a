/** What a server knows of its fleet beside streams and encoders. */
import type {
  Certificate,
  Certificates,
  DetailedHealth,
  EncoderAssignments,
  ErrorAnalysisDto,
  Figures,
  LoadBalancer,
  MonitoringStatus,
  PerformanceMonitor,
  Storage,
  StreamOverview,
} from '../documents.js'
import { Alerts } from './alerts.js'
import type { Api } from './api.js'
import type { CallOptions } from './options.js'
import { split, type Query } from './query.js'
import { ThermalControl } from './thermal.js'

/** Figures, alerts, certificates, heat: {@link Client.monitoring}. */
export class Monitoring {
  readonly #api: Api
  /** What people are told, and what they are not to be told. */
  readonly alerts: Alerts
  /** Heat and cooling. */
  readonly thermal: ThermalControl

  /** @internal */
  constructor(api: Api) {
    this.#api = api
    this.alerts = new Alerts(api)
    this.thermal = new ThermalControl(api)
  }

  /** Everything at a glance: fleet, streams, the manager itself. */
  status(options: CallOptions = {}): Promise<MonitoringStatus> {
    return this.#api.read('monitoring.status', options, (requests, route) =>
      requests.GET('/api/monitoring/status', { ...route }),
    )
  }

  /** The host, the services and every encoder. */
  health(options: CallOptions = {}): Promise<DetailedHealth> {
    return this.#api.read('monitoring.health', options, (requests, route) =>
      requests.GET('/health/detailed', { ...route }),
    )
  }

  /** Every figure as JSON. */
  metrics(options: CallOptions = {}): Promise<Figures> {
    return this.#api.read('monitoring.metrics', options, (requests, route) =>
      requests.GET('/api/monitoring/metrics', { ...route }),
    )
  }

  /** Every figure in the text format of Prometheus. */
  prometheus(options: CallOptions = {}): Promise<string> {
    return this.#api.read('monitoring.prometheus', options, (requests, route) =>
      requests.GET('/metrics', { ...route, parseAs: 'text' }),
    )
  }

  /** How every active stream is doing, by id. */
  streams(options: CallOptions = {}): Promise<Record<string, StreamOverview>> {
    return this.#api.read('monitoring.streams', options, (requests, route) =>
      requests.GET('/api/monitoring/streams/health', { ...route }),
    )
  }

  /** What an encoder is meant to do. */
  assignments(encoderId: string, options: CallOptions = {}): Promise<EncoderAssignments> {
    return this.#api.read('monitoring.assignments', options, (requests, route) => {
      const params = { path: { encoder_id: encoderId } }
      return requests.GET('/api/monitoring/streams/config/{encoder_id}', { ...route, params })
    })
  }

  /** How streams are placed, and on what grounds. */
  loadBalancer(options: CallOptions = {}): Promise<LoadBalancer> {
    return this.#api.read('monitoring.loadBalancer', options, (requests, route) =>
      requests.GET('/api/monitoring/load-balancer', { ...route }),
    )
  }

  /** Recording media, and when they will be full. */
  storage(options: Query<'get_api_monitoring_storage'> = {}): Promise<Storage> {
    const [call, query] = split(options)
    return this.#api.read('monitoring.storage', call, (requests, route) =>
      requests.GET('/api/monitoring/storage', { ...route, params: { query } }),
    )
  }

  /** History, trend and forecast of figures. */
  performance(options: Query<'get_api_monitoring_performance'> = {}): Promise<PerformanceMonitor> {
    const [call, query] = split(options)
    return this.#api.read('monitoring.performance', call, (requests, route) =>
      requests.GET('/api/monitoring/performance', { ...route, params: { query } }),
    )
  }

  /** Errors, what they have in common, what they cost, and what may be their cause. */
  errors(options: Query<'get_api_monitoring_errors'> = {}): Promise<ErrorAnalysisDto> {
    const [call, query] = split(options)
    return this.#api.read('monitoring.errors', call, (requests, route) =>
      requests.GET('/api/monitoring/errors', { ...route, params: { query } }),
    )
  }

  /** Certificates that are watched, and until when they hold. */
  certificates(options: CallOptions = {}): Promise<Certificates> {
    return this.#api.read('monitoring.certificates', options, (requests, route) =>
      requests.GET('/api/monitoring/certificates', { ...route }),
    )
  }

  /** Renews a certificate now. Never repeated: authorities count attempts. */
  renewCertificate(target: string, options: CallOptions = {}): Promise<Certificate> {
    return this.#api.call('monitoring.renewCertificate', 'never', options, (requests, route) => {
      const params = { path: { target } }
      return requests.POST('/api/monitoring/certificates/{target}/renew', { ...route, params })
    })
  }
}
