/**
 * The client of an encoder-manager server, without the native module.
 *
 * @packageDocumentation
 */
export * from './errors.js'
