/**
 * Keeps live streams on air on a fleet of hardware encoders, inside this process.
 *
 * To talk to a server that runs elsewhere, import `encoder-manager/server`. It does not load the
 * native module.
 *
 * @packageDocumentation
 */
export { version } from '../native.js'
export type { CallOptions } from './bridge.js'
export * from './errors.js'
export * from './events.js'
export type * from './documents.js'
export { Manager } from './manager.js'
export type { AjaConfig, ForeignConfig, ManagerConfig, ManagerOptions } from './options.js'
export type * from './plugins.js'
export * from './simulator.js'
