// The rules as plain functions. What they decide is tested in Rust; here, that they are reached.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'

import { policies } from 'encoder-manager'

const STREAM = { resolution: '1920x1080', bitrate: 6_000_000, fps: 30 }
const CONFIG = { ...STREAM, keyframe_interval_seconds: 2, audio_bitrate: 128_000 }
const DESTINATION = { url: 'rtmp://ingest.example/live' }
const row = (encoder_id, more = {}) => ({
  encoder_id,
  site: null,
  weight: 1,
  capacity: 1,
  streams: 0,
  load: 0,
  health: 100,
  heat: null,
  eligible: true,
  reasons: [],
  ...more,
})

/** The functions by the names that the vectors call them, with their arguments in order. */
const BY_NAME = {
  validate_stream: ({ request, defaults }) => policies.validateStream(request, defaults),
  validate_config: ({ config }) => policies.validateConfig(config),
  validate_change: ({ config, changes }) => policies.validateChange(config, changes),
  validate_for_encoder: ({ config, url, capability, input }) =>
    policies.validateForEncoder(config, url, capability, input),
  recommended_bitrate: ({ resolution, fps }) => policies.recommendedBitrate(resolution, fps),
  select_encoders: ({ fleet, ...options }) => policies.selectEncoders(fleet, options),
  assess_health: ({ observations, ...options }) => policies.assessHealth(observations, options),
  heat: ({ config, too_hot, ...warmth }) =>
    policies.heat(warmth, JSON.parse(JSON.stringify({ config, too_hot }))),
  next_step: ({ incident, ...options }) => policies.nextStep(incident, options),
  check_config: ({ config }) => policies.checkConfig(config),
}

for (const file of ['validator', 'health', 'balancing', 'repairs']) {
  describe(`decisions of ${file}.json`, () => {
    const url = new URL(`../../tests/vectors/${file}.json`, import.meta.url)
    for (const { case: title, function: name, arguments: given, outcome } of JSON.parse(
      readFileSync(url),
    )) {
      it(`${name}: ${title}`, () => {
        if ('result' in outcome) return assert.deepEqual(BY_NAME[name](given), outcome.result)
        assert.throws(
          () => BY_NAME[name](given),
          ({ code, violations }) => {
            const rules = violations.map(({ field, code }) => ({ field, code }))
            assert.deepEqual({ code, violations: rules }, outcome.error)
            return true
          },
        )
      })
    }
  })
}

describe('policies', () => {
  it('fill a request in, or say everything that is wrong with it', () => {
    const valid = policies.validateStream({ ...STREAM, destination: DESTINATION })
    assert.deepEqual(valid.config, CONFIG)
    const defaults = { ...policies.defaultConfig().stream_defaults, audio_bitrate: 96_000 }
    const other = policies.validateStream({ ...STREAM, destination: DESTINATION }, defaults)
    assert.equal(other.config.audio_bitrate, 96_000)
    assert.throws(
      () => policies.validateStream({ ...STREAM, bitrate: 1, fps: 1_000 }),
      ({ violations }) => violations.some(({ field }) => field === 'fps'),
    )
  })

  it('check encoding settings, changes, and what a device can take', () => {
    assert.deepEqual(policies.validateConfig(CONFIG).errors, [])
    assert.equal(policies.validateConfig({ ...CONFIG, bitrate: 1 }).errors[0].field, 'bitrate')
    assert.equal(policies.validateChange(CONFIG, { bitrate: 5_000_000 }).config.bitrate, 5_000_000)
    assert.throws(() => policies.validateChange(CONFIG, { bitrate: 1 }), {
      code: 'validation_failed',
    })
    const can = (limits) => policies.validateForEncoder(CONFIG, DESTINATION.url, { limits })
    assert.deepEqual(can({}), [])
    assert.equal(can({ max_bitrate: 1_000_000 })[0].field, 'bitrate')
    assert.equal(policies.recommendedBitrate('1920x1080', 60), 12_000_000)
  })

  it('choose encoders', () => {
    const fleet = [
      row('a', { health: 10 }),
      row('b'),
      row('c', { eligible: false, reasons: ['x'] }),
    ]
    assert.deepEqual(policies.selectEncoders(fleet, { demand: { backup: true } }), {
      primary: 'b',
      backup: 'a',
    })
    const options = { policy: 'least_loaded', demand: { exclude: ['b', 'a'] } }
    assert.equal(policies.selectEncoders(fleet, options), null)
    assert.throws(() => policies.selectEncoders(fleet, { policy: 'best' }), {
      code: 'validation_failed',
    })
    assert.throws(
      () => policies.selectEncoders(fleet, { drew: 1 }),
      /drew: there is no such option/,
    )
  })

  it('judge an encoder by what was seen of it', () => {
    const answered = (age_seconds) => ({
      age_seconds,
      contact: { outcome: 'answered', latency_ms: 10 },
    })
    const failed = (age_seconds) => ({
      age_seconds,
      contact: { outcome: 'failed', error: 'device_unreachable' },
    })
    const status = { age_seconds: 1, status: { stream_state: 'idle' } }
    assert.equal(policies.assessHealth([]).verdict, 'unknown')
    const well = policies.assessHealth([answered(3), answered(2), answered(1), status])
    assert.equal(well.verdict, 'healthy')
    const gone = policies.assessHealth([answered(9), failed(3), failed(2), failed(1)])
    assert.equal(gone.verdict, 'silent')
    const now = '2026-01-01T00:00:00Z'
    const dated = policies.assessHealth([answered(9), failed(3), failed(2)], { now })
    assert.match(dated.issues[0].since, /^2025-12-31T23:59:5/)
  })

  it('score heat, and nothing from nothing', () => {
    assert.equal(policies.heat({}), null)
    assert.ok(policies.heat({ temperature: 79 }) > policies.heat({ temperature: 30 }))
    assert.ok(
      policies.heat({ temperature: 50 }, { too_hot: 50 }) > policies.heat({ temperature: 50 }),
    )
  })

  it('say what to try next in place', () => {
    const incident = {
      incident_id: 'inc_01a2170a7e777057bf645dd492f1fab5',
      stream_id: 'str_1',
      encoder_id: 'a',
      cause: 'stream_stopped',
      severity: 'critical',
      reachable: true,
      may_fail_over: false,
      backup_ready: false,
      serves_files: false,
      restart_estimate_seconds: 2,
      switch_estimate_seconds: 1,
      since: '2026-01-01T00:00:00Z',
    }
    const step = policies.nextStep(incident)
    assert.ok(step.deadline_seconds > 0, JSON.stringify(step))
    assert.equal(policies.nextStep({ ...incident, reachable: false }), null)
    const once = { step, at: incident.since, succeeded: false }
    assert.equal(policies.nextStep(incident, { tried: Array(9).fill(once) }), null)
  })

  it('show and check settings', () => {
    const all = policies.defaultConfig()
    assert.equal(all.drain_seconds, 10)
    assert.deepEqual(policies.checkConfig({}), all)
    assert.throws(
      () => policies.checkConfig({ watch: { timeout_ms: 0 } }),
      (error) => {
        assert.match(error.message, /timeout_ms/)
        return error.code === 'config_invalid'
      },
    )
    assert.throws(() => policies.checkConfig({ wacth: {} }), /wacth/)
  })
})
