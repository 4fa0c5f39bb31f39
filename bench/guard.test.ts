import { expect, it } from 'vitest'
import { startChild } from './processes/child.ts'
import { measureSpeed } from './speed.ts'
import { startTargets, TARGET_KINDS } from './targets.ts'

/** The goal is 1.25. This only says that something has gone badly wrong, whatever the machine and whatever else it does. */
const mostRatio = 2.5

it.skipIf(process.platform !== 'linux')(
  `an exchange of 350 KB and 300 frames costs at most ${mostRatio} times the CPU time of a bare pipe`,
  async () => {
    const upstream = await startChild('upstream.ts')
    const upstreamUrl = `http://127.0.0.1:${upstream.port}`
    const kinds = TARGET_KINDS.filter(({ id }) => ['bare-pipe', 'sluice-bare', 'sluice'].includes(id))
    const { targets } = await startTargets(kinds, upstreamUrl)
    try {
      const results = await measureSpeed(targets, upstreamUrl, {
        rounds: 7,
        sampleMillis: 300,
        warmUpMillis: 1_500,
        sizes: [{ kilobytes: 350, frames: 300 }],
        onProgress: () => undefined,
      })
      const ratios = Object.fromEntries(results.map(({ target, cpuRatio }) => [target, cpuRatio]))
      expect(ratios['bare-pipe']).toBe(1)
      expect(ratios['sluice-bare']).toBeLessThan(mostRatio)
      expect(ratios['sluice']).toBeLessThan(mostRatio)
    } finally {
      for (const target of targets) await target.stop()
      upstream.stop()
    }
  },
  120_000,
)
