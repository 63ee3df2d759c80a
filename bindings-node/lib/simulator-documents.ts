/**
 * What a simulated HELO is set up with, and what can go wrong with it.
 *
 * @packageDocumentation
 */

/** What goes wrong. Kinds without settings are a name. */
export type FaultKind =
  /** The port is closed. */
  | 'refuse_connections'
  /** No bytes arrive. */
  | { network_silence: { media_continues: boolean } }
  /** A request is read and never answered. */
  | 'hang'
  | { delay: { delay_ms: number } }
  /** The body arrives in pieces of so many bytes. */
  | { slow_bytes: { piece: number; pause_ms: number } }
  /** The connection ends within the body, after so many bytes. */
  | { cut_body: { after: number } }
  | 'wrong_json'
  /** The request fails with this status and has no effect. */
  | { status: { status: number } }
  | { content_type: { value: string } }
  | { content_length: { value: number } }
  /** Once: all sessions end. */
  | 'drop_sessions'
  /** Once: all connection ids are forgotten. */
  | 'expire_connections'
  | 'stream_fails'
  /** A start is accepted and the device stays idle. */
  | 'stream_never_starts'
  /** A stop is accepted and the device goes on streaming. */
  | 'stop_never_stops'
  /** A write is answered as if accepted and the value stays. */
  | 'set_not_applied'
  | 'record_fails'
  | 'preset_fails'
  | 'input_lost'
  | { input_format_changed: { format: number } }
  | { over_temperature: { celsius: number; ramp_ms: number } }
  | { fan_stopped: { celsius: number; ramp_ms: number } }
  | 'storage_full'
  | 'storage_removed'
  | 'storage_slow'
  | 'storage_write_protected'
  | { alarm: { name: string } }
  | 'dropped_frames'
  /** The device cannot reach its destination, while it still answers. */
  | 'ingest_unreachable'
  /** These four act on real media only. */
  | 'stall'
  | 'freeze'
  | 'black'
  | { drop_pictures: { one_in: number } }
  /** Once: the connection to the destination ends. */
  | 'cut_connection'
  /** Once: the device restarts by itself. */
  | 'self_reboot'
  | { reboot_loop: { up_ms: number } }

/** The kinds of recording media. */
export type MediumKind = 'sd' | 'usb' | 'smb' | 'nfs'

/** How far a fault goes. What is left out does not limit it. */
export interface FaultLimits {
  /** How often: requests, start and stop commands, or writes, depending on the kind. */
  times?: number | null
  lasts_ms?: number | null
  /** Only requests for this path. */
  path?: string | null
  /** Only requests with this `action`. */
  action?: string | null
  /** Only requests for this parameter. */
  param?: string | null
  /** Only this medium. */
  medium?: MediumKind | null
}

/** A fault with its limits. */
export interface Fault extends FaultLimits {
  kind: FaultKind
}

/** How long things take, in milliseconds. */
export interface SimulatorTiming {
  boot_ms?: number
  stream_start_ms?: number
  stream_stop_ms?: number
  record_start_ms?: number
  record_stop_ms?: number
  recover_ms?: number
  preset_ms?: number
  reboot_grace_ms?: number
  reboot_silence_ms?: number
  media_release_ms?: number
  media_mount_ms?: number
  /** How often moving readings become events. */
  tick_ms?: number
}

/** A recording medium. */
export interface SimulatedMedium {
  mounted?: boolean
  total_bytes?: number
  used_bytes?: number
  low_percent?: number
  fill_factor?: number
}

/** How a simulated ingest treats a second publisher of the same URL and key. */
export type IngestPersonality = 'takeover' | 'reject' | 'separate' | 'drop_both'

/** How simulated devices are set up; all may be left out. */
export interface SimulatorOptions {
  /** How many devices; 1 by default. */
  count?: number
  /** Some tens of milliseconds for everything that `timing` does not say. */
  fast?: boolean
  /** Where their streams arrive. */
  ingest?: { personality?: IngestPersonality; idle_timeout_ms?: number }
  /** `host:port` of the first device; port 0, the default, takes free ones. */
  listen?: string
  /** Serial number; the place is added to it. */
  serial?: string
  firmware?: string
  /** Turns authentication on. */
  password?: string
  /** Whether the devices boot when they are started. */
  cold_start?: boolean
  timing?: SimulatorTiming
  /** In degrees Celsius. */
  thermal?: {
    idle?: number
    streaming?: number
    recording?: number
    settling_ms?: number
    near_over?: number
    shutdown?: number
  }
  /** The SD card. */
  media?: SimulatedMedium
  other_media?: { [K in MediumKind]?: SimulatedMedium }
  /** Numbers of `DetectInputFormat`; 0 is no signal. */
  signal?: { sdi?: number; hdmi?: number }
  /** Answers to open questions about the device, by the names that the library gives them. */
  assumptions?: Record<string, unknown>
  /** Values at power-up that differ from the factory's, by parameter. */
  values?: Record<string, string>
  /** How many requests are remembered. */
  request_log?: number
}

/** A request as a device got it. */
export interface SimulatedRequest {
  /** Counted from 1. */
  sequence: number
  /** Since the devices were started. */
  at_ms: number
  method: string
  path: string
  /** Query and form fields in order; values of secrets read `***`. */
  params: [name: string, value: string][]
  authenticated: boolean
}

/** Something that happened at the ingest. */
export interface IngestRecord {
  at_ms: number
  /** Serial number of the device. */
  serial: string
  url: string
  what: 'accepted' | 'refused' | 'stopped' | 'dropped' | 'vanished' | 'timed_out'
}

/** Somebody publishing now. */
export interface IngestPublisher {
  serial: string
  since_ms: number
  /** Since when no media arrives from it. */
  silent_since_ms: number | null
}
