/** A manager that opens by itself. */
import type { CallOptions } from './bridge.js'
import type { EncoderHealthAnswer } from './documents.js'
import { Manager } from './manager.js'

/**
 * A manager for programs that watch: it opens with the first encoder that is asked for.
 *
 * ```ts
 * await using system = new MonitoringSystem({ encoders })
 * const { encoder } = await system.monitorEncoder('encoder_123')
 * ```
 */
export class MonitoringSystem extends Manager {
  /** Asks an encoder how it is, now, and opens the manager first unless it is open. */
  override async monitorEncoder(id: string, options?: CallOptions): Promise<EncoderHealthAnswer> {
    if (this.state === 'unopened' || this.state === 'opening') await this.open(options)
    return super.monitorEncoder(id, options)
  }
}
