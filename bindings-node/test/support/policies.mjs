// Policies that keep their contracts.

/** Takes the least loaded encoder, and a backup from another site if there is one. */
export class LeastLoaded {
  select({ primary, backup, exclude, avoid_site }, fleet, draw) {
    const may = fleet.filter((row) => row.eligible && !exclude.includes(row.encoder_id))
    const wanted = may.filter((row) => primary === null || row.encoder_id === primary)
    const first = choose(wanted, draw, (row) => avoid_site !== null && row.site === avoid_site)
    if (first === undefined) return null
    if (!backup) return { primary: first.encoder_id }
    const others = may.filter((row) => row !== first)
    const same = (row) => first.site !== null && row.site === first.site
    return { primary: first.encoder_id, backup: choose(others, draw, same)?.encoder_id ?? null }
  }
}

function choose(rows, draw, isWorse) {
  const better = rows.filter((row) => !isWorse(row))
  const among = better.length > 0 ? better : rows
  const least = Math.min(...among.map((row) => row.load))
  const least_loaded = among.filter((row) => row.load === least)
  return least_loaded[draw % least_loaded.length]
}

/** Agrees with the built-in policy. */
export class Agreeing {
  async assess({ assessment }) {
    return assessment
  }
}

/** Starts or restarts once, by itself, with deadlines that pass soon. */
export class OneTry {
  nextStep({ reachable, cause }, tried) {
    if (!reachable || tried.length > 0) return null
    const step = cause === 'stream_stopped' ? 'start_in_place' : 'restart_in_place'
    return { step, deadline_seconds: 0.9 }
  }

  async run({ step }, driver) {
    if (step === 'restart_in_place') await driver.stop()
    await driver.start()
  }
}
