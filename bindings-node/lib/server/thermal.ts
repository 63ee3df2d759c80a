/** Heat and cooling of a server's encoders. */
import type { Thermal, ThermalAnswer } from '../documents.js'
import type { Api } from './api.js'
import type { CallOptions } from './options.js'

/** Heat and cooling: `client.monitoring.thermal`. */
export class ThermalControl {
  readonly #api: Api

  /** @internal */
  constructor(api: Api) {
    this.#api = api
  }

  /** The heat of all encoders. */
  status(options: CallOptions = {}): Promise<ThermalAnswer> {
    return this.#api.read('monitoring.thermal.status', options, (requests, route) =>
      requests.GET('/api/monitoring/thermal/status', { ...route }),
    )
  }

  /** The heat of one encoder, and how it is cooled. */
  get(encoderId: string, options: CallOptions = {}): Promise<Thermal> {
    return this.#api.read('monitoring.thermal.get', options, (requests, route) => {
      const params = { path: { id: encoderId } }
      return requests.GET('/api/monitoring/thermal/{id}/temperature', { ...route, params })
    })
  }

  /** Relieves an encoder of load in steps. Never repeated: it is a conflict while it cools. */
  cool(encoderId: string, options: CallOptions = {}): Promise<Thermal> {
    return this.#api.call('monitoring.thermal.cool', 'never', options, (requests, route) => {
      const params = { path: { id: encoderId } }
      return requests.POST('/api/monitoring/thermal/{id}/cooldown', { ...route, params })
    })
  }
}
