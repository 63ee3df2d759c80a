import encoders = require('encoder-manager')

async function watch(): Promise<void> {
  const manager = new encoders.Manager({ encoders: [{ address: 'http://10.0.0.7', driver: null }] })
  try {
    await manager.open()
    const counts: encoders.FleetCounts = manager.fleetCounts()
    const stream: encoders.Stream = manager.stream('str_1')
    console.log(counts.online, stream.health().health_score)
  } catch (error) {
    if (error instanceof encoders.StoreUnavailableError) console.log(error.retry)
  } finally {
    await manager.close()
  }
}

void watch()
