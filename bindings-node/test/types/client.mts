import {
  Client,
  etagOf,
  fromProblem,
  RateLimitedError,
  UnauthorizedError,
} from 'encoder-manager/server'
import type { Encoder, LiveEvent, Stream, StreamConfigPatch } from 'encoder-manager/server'

const client = new Client({
  url: new URL('https://encoders.example'),
  apiKey: process.env['KEY'],
  retry: { attempts: 2 },
  fetch,
})

const { signal } = new AbortController()
const stream: Stream = await client.streams.start(
  { resolution: '1920x1080', bitrate: 8_000_000, fps: 30 },
  { waitLive: true, signal, timeoutMs: 60_000 },
)
const score: number | null = (await client.streams.health(stream.stream_id)).health_score
const patch: StreamConfigPatch = { fps: 25 }
await client.streams.update(stream.stream_id, patch, { ifMatch: stream })
await client.streams.update(stream.stream_id, patch, { ifMatch: etagOf(stream) })
for await (const { name } of client.streams.all({ limit: 10, signal })) console.log(name, score)

const encoder: Encoder = await client.encoders.add({ address: 'http://10.0.0.21' })
const { results } = await client.encoders.bulk({ encoder_ids: ['helo-1'], action: 'reboot' })
for (const { problem } of results) if (problem) console.log(fromProblem(problem).code)
await client.encoders.remove(encoder.encoder_id, { drain: true })
await client.monitoring.alerts.list({ severity: 'critical', limit: 5 })

function tell(event: LiveEvent): string {
  switch (event.event) {
    case 'stream_failover':
      return `${event.data.from} to ${event.data.to}: ${event.data.phase}`
    case 'stream_health':
      return `${event.data.stream_id}: ${event.data.health_score ?? 'unknown'}`
    case 'health_update':
      // @ts-expect-error: the frame does not carry what an encoder puts out.
      return event.data.streaming
    case 'stream_error':
    case 'alert':
      return event.data.severity
    case 'lagged':
      return event.data.resync ? 'read everything again' : `${event.data.lost} lost`
  }
}
for await (const event of client.events({ streamId: stream.stream_id })) console.log(tell(event))

// @ts-expect-error: a start needs more.
await client.streams.start({ fps: 30 })
// @ts-expect-error: an encoder is no stream.
await client.streams.update('str_1', patch, { ifMatch: encoder })
// @ts-expect-error: there is no such filter.
await client.encoders.list({ severity: 'critical' })
// @ts-expect-error: the key is not for reading.
client.apiKey

try {
  await client.keys.list()
} catch (error) {
  if (error instanceof RateLimitedError) console.log(error.context['retry_after_seconds'])
  else if (error instanceof UnauthorizedError) console.log(error.code)
  else throw error
}
