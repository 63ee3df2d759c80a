/**
 * The client of an encoder-manager server, without the native module.
 *
 * @packageDocumentation
 */
export * from './errors.js'
export * from './events.js'
export type * from './documents.js'
export { etagOf } from './server/api.js'
export { Client } from './server/client.js'
export type { EventOptions } from './server/feed.js'
export type { CallOptions, ClientOptions } from './server/options.js'
export * from './server/problem.js'
export type { Query } from './server/query.js'
export { DEFAULT_RETRY, type RetryPolicy } from './server/retry.js'
export type { RevisionOptions } from './server/revision.js'
export type { StartOptions, Streams, WaitOptions } from './server/streams.js'
export type { Alerts } from './server/alerts.js'
export type { Encoders } from './server/encoders.js'
export type { Keys } from './server/keys.js'
export type { Monitoring } from './server/monitoring.js'
export type { ThermalControl } from './server/thermal.js'
