import {
  Manager,
  MonitoringSystem,
  policies,
  Simulator,
  Stream,
  type Encoder,
  type EventFeed,
  type ManagerEvent,
  type ManagerOptions,
  type Placement,
  type StreamDocument,
} from 'encoder-manager'

const options: ManagerOptions = {
  config: { drain_seconds: 5, watch: { timeout_ms: 500 } },
  encoders: new Set([{ address: 'http://10.0.0.7', driver: null }]),
  store: null,
  aja: { profile: 9 },
  foreign: { decide_deadline_ms: 100 },
}
await using manager = new Manager(options)
const same: Manager = await manager.open({ signal: AbortSignal.timeout(1_000) })
const encoders: Encoder[] = same.encoders()
const ended: boolean = await manager.close()
console.log(encoders, ended, manager.state === 'closed')

const stream: Stream = await manager.startStream(
  { resolution: '1920x1080', bitrate: 8_000_000, fps: 30 },
  { waitLive: true, deadlineMs: 5_000, signal: new AbortController().signal },
)
const document: StreamDocument = stream.document()
console.log(stream.id, stream.streamKey, stream.rtmpUrl, document.primary.encoder_id)
const { to } = await stream.failover({ reason: 'maintenance' })
await manager.updateStream(stream, { bitrate: 1 }, { expectRevision: 3 })
await manager.control('helo-1', { action: 'recall_preset', preset: 2 })
await manager.silenceAlerts({
  match: { encoder: [to] },
  reason: 'known',
  until: '2030-01-01T00:00:00Z',
})

for await (const event of manager.events({ stream, after: 7 })) {
  if (event.event === 'stream_failover') console.log(event.data.phase, event.id)
  if (event.event === 'lagged') console.log((event.data.lost ?? 0) + 1)
}
manager.on('stream_failover', (event) => console.log(event.data.from))
manager.once('lagged', ({ data }) => console.log(data.lost))
const feed: EventFeed = stream.events()
const next: IteratorResult<ManagerEvent, undefined> = await feed.next()
console.log(next.done)

const health = await new MonitoringSystem({ encoders: [] }).monitorEncoder('encoder_123')
const temperature: number | null = health.encoder.device_status.temperature
const chosen: Placement | null = policies.selectEncoders([], { policy: 'rendezvous', draw: 4 })
const score: number | null = policies.heat({ temperature })
const helos: Simulator = await Simulator.start({ count: 2 })
console.log(chosen, score, helos.urls)

// @ts-expect-error: a stream needs a bitrate.
await manager.startStream({ resolution: '1920x1080', fps: 30 })
// @ts-expect-error: there is no such option.
new Manager({ encoder: [] })
// @ts-expect-error: only a manager makes streams.
new Stream()
// @ts-expect-error: there is no such balancer.
policies.selectEncoders([], { policy: 'best' })
// @ts-expect-error: an event has no such field.
manager.on('alert', (event) => console.log(event.body))
// @ts-expect-error: the key of a stream does not change.
stream.streamKey = 'other'
// @ts-expect-error: the native half is not for programs.
manager.act('stop_stream', '{}')
