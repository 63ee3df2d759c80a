import {
  Manager,
  Simulator,
  type Assessment,
  type Balancer,
  type DeviceAction,
  type DriverStatus,
  type EncoderDriver,
  type EncodingSettings,
  type HealthHistory,
  type HealthPolicy,
  type Incident,
  type LentDriver,
  type PublishTarget,
  type Registration,
  type Remediator,
  type Step,
} from 'encoder-manager'
import { checkDriver, items } from 'encoder-manager/testing'

class Mine implements EncoderDriver {
  readonly capability = { reboot: true, pushes_events: true, limits: { schemes: ['rtmp'] } }
  readonly #address: string

  constructor(registration: Registration) {
    this.#address = registration.address
  }

  async status(signal: AbortSignal): Promise<DriverStatus> {
    const answer = await fetch(this.#address, { signal })
    return { stream_state: answer.ok ? 'idle' : 'unknown', system: { temperature: null } }
  }

  async configure(settings: EncodingSettings, target: PublishTarget): Promise<void> {
    console.log(settings.bitrate, target.url)
  }

  start(): void {}
  stop(): void {}

  control(action: DeviceAction): void {
    if (action.action === 'recall_preset') console.log(action.preset)
  }

  async *events() {
    yield { event: 'changed', change: { temperature: 61.5 } } as const
  }
}

class Cautious implements Remediator {
  nextStep({ reachable }: Incident): Step | null {
    return reachable ? { step: 'restart_in_place', deadline_seconds: 5 } : null
  }

  async run(_: Step, driver: LentDriver): Promise<void> {
    await driver.control({ action: 'reboot' })
  }
}

const balancer: Balancer = {
  select: (demand, fleet) => {
    const [row] = fleet.filter((row) => row.eligible && !demand.exclude.includes(row.encoder_id))
    return row === undefined ? null : { primary: row.encoder_id }
  },
}
const healthPolicy: HealthPolicy = {
  assess: ({ assessment, temperatures }: HealthHistory): Assessment =>
    temperatures.some(({ celsius }) => celsius > 80)
      ? { ...assessment, verdict: 'worn' }
      : assessment,
}

const helos = await Simulator.start({ count: 2, fast: true, timing: { boot_ms: 5 } })
helos.inject(0, { delay: { delay_ms: 250 } }, { times: 2 })
new Manager({
  encoders: helos.encoders(),
  drivers: { mine: Mine, other: async (registration) => new Mine(registration) },
  balancer,
  healthPolicy,
  remediator: new Cautious(),
})
for (const item of items.driver) {
  await checkDriver(item, () => ({
    driver: new Mine({} as Registration),
    cutOff: () => {},
    withinSeconds: 3,
  }))
}

// @ts-expect-error: there is no such fault.
helos.inject(0, 'rain')
// @ts-expect-error: a delay has a length.
helos.inject(0, { delay: {} })
// @ts-expect-error: a driver has more methods.
new Manager({ drivers: { mine: () => ({ status: () => ({}) }) } })
// @ts-expect-error: there is no such step.
const step: Step = { step: 'dance' }
// @ts-expect-error: there is no such reading.
const status: DriverStatus = { system: { cpu: 7 } }
console.log(step, status)
