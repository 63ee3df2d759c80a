/** The manager. */
import { ManagerActs, secondsOf, WAIT_DEADLINE_MS, type WaitOptions } from './acts.js'
import type { CallOptions } from './bridge.js'
import type { Stream as StreamDocument, StreamRequest } from './documents.js'
import { readFlag, split } from './encode.js'
import type { ManagerOptions } from './options.js'
import { ENGINE } from './reads.js'
import { Stream } from './stream.js'
import type { StreamOrId } from './stream-id.js'

/** How to start a stream. */
export interface StartOptions extends WaitOptions {
  /** Its id; a new one is made unless given. Give one that you keep to survive a crash. */
  readonly streamId?: string | undefined
  /**
   * Waits until the device itself reports that the stream is on air. When that takes longer than
   * `deadlineMs`, or the signal is set off, the stream is stopped again.
   */
  readonly waitLive?: boolean | undefined
}

/**
 * Manages a fleet of encoders and the streams on it, inside this process.
 *
 * ```ts
 * await using manager = new Manager({
 *   encoders: [{ encoder_id: 'helo-1', driver: 'aja-helo', address: 'http://10.0.0.7' }],
 * })
 * await manager.open()
 * const stream = await manager.startStream(
 *   { resolution: '1920x1080', bitrate: 8_000_000, fps: 30 },
 *   { waitLive: true },
 * )
 * ```
 *
 * Methods that read answer at once; the others return promises. While it is open it keeps the
 * process alive, as a listening server does.
 */
export class Manager extends ManagerActs {
  /** @throws {@link ValidationFailedError} for options that are no documents */
  constructor(options?: ManagerOptions) {
    super(options)
  }

  /**
   * Opens it: it registers its encoders, begins to watch them, and takes up the streams that the
   * store knows. Opening it twice changes nothing; after an error it can be tried again.
   *
   * @throws {@link ConfigInvalidError}, {@link ValidationFailedError} for an encoder,
   * {@link StoreUnavailableError}
   */
  async open(options?: CallOptions): Promise<this> {
    const [, { signal }] = split('open', options, [])
    await this[ENGINE].open(signal)
    this.listen()
    return this
  }

  /**
   * Closes it: what is under way is finished first, `drain_seconds` of the settings long. Streams
   * stay on air; the devices carry them. Closing it twice changes nothing.
   *
   * @returns Whether everything ended in time.
   */
  async close(options?: CallOptions): Promise<boolean> {
    const [, { signal }] = split('close', options, [])
    return this[ENGINE].close(signal)
  }

  /** Closes it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /**
   * Starts a stream: checks the request, chooses encoders, and writes the intent. It is `starting`
   * then, unless it was waited for.
   *
   * @throws {@link ValidationFailedError} with everything that is wrong,
   * {@link NoEncoderAvailableError} with the reasons of each encoder, {@link DeadlineExceededError}
   */
  async startStream(request: StreamRequest, options?: StartOptions): Promise<Stream> {
    const known = ['streamId', 'waitLive', 'deadlineMs'] as const
    const [{ streamId, waitLive, deadlineMs }, call] = split('startStream', options, known)
    const waits = readFlag('startStream', 'waitLive', waitLive)
    const wait_live_seconds = waits ? secondsOf(deadlineMs ?? WAIT_DEADLINE_MS) : undefined
    const given = { request, stream_id: streamId, wait_live_seconds }
    return Stream.of(this, await this[ENGINE].act<StreamDocument>('start_stream', given, call))
  }

  /** A stream. @throws {@link NotFoundError} */
  stream(stream: StreamOrId): Stream {
    return Stream.of(this, this.streamDocument(stream))
  }

  /** All streams, ended ones included while they are remembered. */
  streams(): Stream[] {
    return this.streamDocuments().map((document) => Stream.of(this, document))
  }
}
