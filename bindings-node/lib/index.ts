/**
 * Keeps live streams on air on a fleet of hardware encoders, inside this process.
 *
 * To talk to a server that runs elsewhere, import `encoder-manager/server`. It does not load the
 * native module.
 *
 * @packageDocumentation
 */
export { version } from '../native.js'
export type * from './answers.js'
export type {
  HistoryQuery,
  PublishAttempt,
  RemoveOptions,
  SilenceWish,
  UpdateOptions,
  WaitOptions,
} from './acts.js'
export type { CallOptions } from './bridge.js'
export type * from './documents.js'
export type { Stream as StreamDocument } from './documents.js'
export type { State } from './engine.js'
export * from './errors.js'
export type * from './events.js'
export type { EventFeed, LossEvent, ManagerEvent, ManagerEventName, ManagerEvents } from './live.js'
export * from './logging.js'
export { Manager, type StartOptions } from './manager.js'
export { MonitoringSystem } from './monitoring.js'
export type { AjaConfig, ForeignConfig, ManagerConfig, ManagerOptions } from './options.js'
export type * from './plugins.js'
export * as policies from './policies.js'
export type { ErrorQuery, EventOptions, NoticeQuery } from './reads.js'
export * from './simulator.js'
export { Stream } from './stream.js'
export type { StreamOrId } from './stream-id.js'
