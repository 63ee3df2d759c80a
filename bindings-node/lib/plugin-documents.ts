/**
 * What drivers and policies of your own take and give.
 *
 * Names and units are those of the wire: bit/s, percent, degrees Celsius, seconds. What is not known
 * is `null` or left out, never zero. What is taken from the manager has every field; in what is
 * given to it, optional fields may be left out, and a key that is not known is an error.
 *
 * @packageDocumentation
 */
import type { Severity } from './events.js'

/** How a device arrives at its frame rate. */
export type FrameRateRule = 'any' | 'fraction_of_input'

/** What a device can be set to. What is left out is not limited. */
export interface CapabilityLimits {
  /** Bit/s. */
  min_bitrate?: number
  /** Bit/s. */
  max_bitrate?: number
  /** Such as `640x360`. */
  min_resolution?: string
  /** Such as `1920x1080`. */
  max_resolution?: string
  /** `fraction_of_input`: the input rate, half of it, or a quarter of it. */
  frame_rate?: FrameRateRule
  /** Audio bitrates to choose from, in bit/s; empty means any. */
  audio_bitrates?: number[]
  /** Longest key frame distance in pictures. */
  max_gop_frames?: number
  /** URL schemes it can publish to, such as `rtmp`; empty means any. */
  schemes?: string[]
}

/** What a device can do and tell. What is left out is `false`, and is then never asked of it. */
export interface Capability {
  /** Records to a medium of its own. */
  record?: boolean
  /** Recalls stored settings. */
  recall_preset?: boolean
  /** Switches inputs. */
  select_input?: boolean
  /** Chooses the medium it records to. */
  select_recording_medium?: boolean
  /** Mutes picture and sound. */
  mute?: boolean
  /** Restarts on command. */
  reboot?: boolean
  /** Can be logged in to anew. */
  renew_session?: boolean
  /** Makes new connections on command. */
  reconnect?: boolean
  /** Can be taken out of serving its medium. */
  reset_media_state?: boolean
  /** Reports changes by itself; needs `events`. */
  pushes_events?: boolean
  /** Takes new settings while it streams. */
  configures_while_streaming?: boolean
  /** `active` of its status holds the settings as read back from the device. */
  reads_back?: boolean
  reports_temperature?: boolean
  reports_cpu?: boolean
  reports_memory?: boolean
  reports_fan?: boolean
  reports_uptime?: boolean
  /** Measures its output bitrate. */
  reports_bitrate?: boolean
  reports_dropped_frames?: boolean
  /** Sees whether there is an input signal. */
  reports_input?: boolean
  /** Sees its recording media. */
  reports_media?: boolean
  limits?: CapabilityLimits
}

/** What the streaming engine of a device is doing. */
export type DeviceStreamState =
  | 'unknown'
  | 'initialising'
  | 'idle'
  | 'starting'
  | 'streaming'
  | 'failing_idle'
  | 'failing'
  | 'shutting_down'

/** What the recorder of a device is doing. */
export type DeviceRecordState =
  'unknown' | 'initialising' | 'idle' | 'recording' | 'failing_idle' | 'failing' | 'shutting_down'

/** Encoding settings of a stream. */
export interface EncodingSettings {
  /** Such as `1920x1080`. */
  resolution: string
  /** Bit/s. */
  bitrate: number
  /** Pictures per second. */
  fps: number
  keyframe_interval_seconds: number
  /** Bit/s. */
  audio_bitrate: number
}

/** What one encoder is told: an address and a key. */
export interface PublishTarget {
  /** Server and application, without the key. */
  url: string
  /** The stream key, in clear. */
  stream_key: string
}

/** The video signal at the selected input. */
export interface InputSignal {
  present: boolean
  /** The device's own name for the format. */
  format?: string | null
  resolution?: string | null
  fps?: number | null
}

/** An alarm that a device raises itself. */
export interface DeviceAlarm {
  /** Stable snake_case name, such as `streaming_failed` or `near_over_temperature`. */
  code: string
  category:
    'stream' | 'input' | 'storage' | 'network' | 'thermal' | 'system' | 'schedule' | 'configuration'
  severity: Severity
  /** The device's own text. */
  message: string
}

/** One recording medium. */
export interface MediumReadings {
  /** Stable name within the device, such as `primary`. */
  slot: string
  /** Such as `sd`, `usb`, `smb`, `nfs`. */
  kind?: string | null
  volume?: string | null
  mounted?: boolean | null
  /** Whether the device would record on it. */
  ready?: boolean | null
  free_percent?: number | null
  free_bytes?: number | null
  total_bytes?: number | null
}

/** Everything that a device reports at one moment. */
export interface DriverStatus {
  /** Default `unknown`. */
  stream_state?: DeviceStreamState
  /** Default `unknown`. */
  record_state?: DeviceRecordState
  input?: InputSignal | null
  /** The settings that the device holds, as read back from it. */
  active?: (Nullable<EncodingSettings> & { target?: PublishTarget | null }) | null
  system?: Nullable<{
    cpu_percent: number
    memory_percent: number
    /** Degrees Celsius. */
    temperature: number
    fan_rpm: number
    uptime_seconds: number
  }>
  output?: Nullable<{
    /** Bit/s as measured, never as configured. */
    bitrate: number
    /** Pictures per second as measured. */
    fps: number
    /** Since the stream started. */
    dropped_frames: number
    duration_seconds: number
    format: string
  }>
  network?: Nullable<{ connected: boolean; link: string; link_errors: number }>
  identity?: Nullable<{ product: string; name: string; serial: string; firmware: string }>
  media?: MediumReadings[]
  alarms?: DeviceAlarm[]
  /** Whether it serves its medium over the network instead of recording and streaming. */
  serves_files?: boolean | null
}

/** Each field may be left out or `null`. */
export type Nullable<T> = { [K in keyof T]?: T[K] | null }

/** One change of a {@link DriverStatus}: an object with one key. */
export type StatusChange =
  | { stream_state: DeviceStreamState }
  | { record_state: DeviceRecordState }
  | { input: InputSignal }
  | { temperature: number }
  | { alarm_raised: DeviceAlarm }
  /** The code of the alarm. */
  | { alarm_cleared: string }
  /** Anything else: the status as it is now. */
  | { status: DriverStatus }

/** Something that a device said unasked, or that its event feed went through. */
export type DeviceEvent =
  /** The feed is up, and this is the whole state. */
  | { event: 'snapshot'; status: DriverStatus }
  | { event: 'changed'; change: StatusChange }
  /** The feed broke; a snapshot comes next. Says nothing about the device. */
  | { event: 'feed_lost'; reason: string }

/** Something that a device is told beside configuring, starting and stopping. */
export type DeviceAction =
  | { action: 'start_recording' | 'stop_recording' | 'reboot' | 'mute' | 'unmute' }
  | { action: 'renew_session' | 'reconnect' | 'reset_media_state' }
  | { action: 'start_streaming' | 'stop_streaming' | 'enter_maintenance' | 'leave_maintenance' }
  | { action: 'recall_preset'; preset: number }
  | { action: 'select_input'; video?: string | null; audio?: string | null }
  | { action: 'select_recording_medium'; medium: string }

/** What an encoder is registered with, as its driver's maker gets it. */
export interface Registration {
  encoder_id: string
  name: string | null
  /** The name of the maker. */
  driver: string
  address: string
  /** In clear; left out when there is none. */
  password?: string
  site: string | null
  weight: number
  capacity: number
  maintenance: boolean
  auto_remediation?: 'off' | 'observe' | 'on'
  labels: Record<string, string>
}

/** What a stream needs. */
export interface Demand {
  /** The stream. */
  key: string
  /** Insist on this encoder as primary. */
  primary: string | null
  /** Also choose a backup, in another site than the primary if there is any. */
  backup: boolean
  /** Never choose these. */
  exclude: string[]
  /** Choose away from this site if possible. */
  avoid_site: string | null
}

/** One encoder, as a balancer sees it. */
export interface FleetRow {
  encoder_id: string
  /** Its failure domain; `null` is one of its own. */
  site: string | null
  /** Operator's preference; 1 is normal. */
  weight: number
  /** Streams it may carry. */
  capacity: number
  /** Streams it holds, as primary or backup. */
  streams: number
  /** Share of the capacity in use, 0 to 1. */
  load: number
  /** 0 to 100, higher is better. */
  health: number | null
  /** 0 to 100, higher is hotter. */
  heat: number | null
  /** Whether it may take a stream. */
  eligible: boolean
  /** Why it may not. */
  reasons: string[]
}

/** The encoders that a balancer chose. */
export interface Placement {
  primary: string
  backup?: string | null
}

/** Something that is wrong with an encoder. */
export interface HealthIssue {
  /** Stable snake_case name. */
  code: string
  severity: Severity
  /** One line for people. */
  message: string
  /** RFC 3339. */
  since: string
  /** The figures that led to it, such as `temperature=84.0`. */
  evidence?: string[]
}

/** What a policy concludes about an encoder. */
export interface Assessment {
  /** 0 to 100, higher is better; `null` without any data. */
  health: number | null
  /** What the score is made of. */
  parts?: Nullable<{ system: number; stream: number; storage: number; connection: number }>
  /** `unknown` is never treated as healthy. */
  verdict: 'unknown' | 'healthy' | 'worn' | 'failing' | 'silent'
  /** Worst first. */
  issues: HealthIssue[]
}

/** What is known of one encoder; lists have the oldest first. */
export interface HealthHistory {
  /** RFC 3339. */
  now: string
  /** The latest status. */
  status: DriverStatus | null
  contacts: {
    age_seconds: number
    outcome: 'answered' | 'spoke' | 'failed'
    latency_ms: number | null
    /** Code of an error. */
    error: string | null
  }[]
  temperatures: { age_seconds: number; celsius: number }[]
  loads: {
    age_seconds: number
    cpu_percent: number | null
    memory_percent: number | null
    storage_percent: number | null
  }[]
  /** How long it has been meant to publish; `null` when it is not. */
  publishing_intended_for_seconds: number | null
  /** How long the stream state has been what it is. */
  stream_state_for_seconds: number | null
  /** What the built-in policy concludes from it. */
  assessment: Required<Assessment>
}

/** A fault of a stream's encoder. */
export interface Incident {
  incident_id: string
  stream_id: string
  encoder_id: string
  /** Code of the worst issue. */
  cause: string
  severity: Severity
  /** Whether the encoder answers at all. When it does not, no step makes sense. */
  reachable: boolean
  /** Whether the stream may move to another encoder. */
  may_fail_over: boolean
  backup_ready: boolean
  /** Whether it says that it serves its medium instead of streaming. */
  serves_files: boolean
  /** How long a stop and start of this encoder takes. */
  restart_estimate_seconds: number
  /** How long the backup takes to start. */
  switch_estimate_seconds: number
  /** First evidence; RFC 3339. */
  since: string
}

/** One thing to try in place, before a stream moves. */
export type Step =
  | { step: 'start_in_place' | 'restart_in_place' | 'record_stream_mode'; deadline_seconds: number }
  | { step: 'reduce_bitrate'; bitrate: number }
  | { step: 'downscale'; resolution: string }
  | { step: 'slow_down'; fps: number }
  | { step: 'restore'; bitrate: number; resolution: string; fps: number }
  | { step: 'renew_session' | 'reconnect' | 'reboot' }

/** A step that was tried. */
export interface Attempt {
  step: Step
  /** RFC 3339. */
  at: string
  /** Whether the encoder streamed afterwards. */
  succeeded: boolean
}
