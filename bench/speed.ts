import { cpuMicros } from './kernel.ts'
import { claudeCodeBody, Load } from './load.ts'
import { median, rounded } from './statistics.ts'
import { yardstick, type BenchTarget } from './targets.ts'
import { setMode } from './upstream-mode.ts'

/** One size of exchange. */
export interface Size {
  readonly kilobytes: number
  readonly frames: number
}

/** How much is measured. */
export interface SpeedOptions {
  readonly rounds: number
  /** How long each target is under load in each round. */
  readonly sampleMillis: number
  readonly warmUpMillis: number
  readonly sizes: readonly Size[]
  readonly onProgress: (line: string) => void
}

/** One target at one size. */
export interface SpeedResult extends Size {
  readonly target: string
  /** CPU time of the target's own processes per exchange; the median of the rounds. */
  readonly cpuMillis: number
  /** Against the yardstick in the same round: the median of the rounds, so that a slow minute cancels out. Null without a yardstick. */
  readonly cpuRatio: number | null
  /** How many exchanges a second one core of this machine could do at that cost. */
  readonly perSecondPerCore: number
  readonly exchanges: number
}

/** Exchanges in flight. */
export const concurrency = 16

/** CPU per exchange at every size. In each round every target has its turn, so that noise hits all alike. */
export async function measureSpeed(targets: readonly BenchTarget[], upstreamUrl: string, options: SpeedOptions): Promise<readonly SpeedResult[]> {
  const results: SpeedResult[] = []
  for (const size of options.sizes) {
    const body = claudeCodeBody(size.kilobytes * 1024)
    await setMode(upstreamUrl, { frames: size.frames })
    const samples = new Map<string, Sample[]>(targets.map(({ id }) => [id, []]))
    for (const target of targets) await sample(target, body, options.warmUpMillis)
    for (let round = 0; round < options.rounds; round += 1) {
      options.onProgress(`CPU: ${size.kilobytes} KB, ${size.frames} frames, round ${round + 1} of ${options.rounds}`)
      for (const target of targets) samples.get(target.id)?.push(await sample(target, body, options.sampleMillis))
    }
    const base = samples.get(yardstick)
    for (const [target, of] of samples) {
      const cpuMillis = median(of.map((each) => each.cpuMillis))
      const ratios = of.map((each, round) => each.cpuMillis / (base?.[round]?.cpuMillis ?? Number.NaN))
      results.push({
        ...size,
        target,
        cpuMillis: rounded(cpuMillis),
        cpuRatio: base === undefined ? null : rounded(median(ratios)),
        perSecondPerCore: Math.round(1000 / cpuMillis),
        exchanges: of.reduce((sum, { exchanges }) => sum + exchanges, 0),
      })
    }
  }
  return results
}

interface Sample {
  readonly cpuMillis: number
  readonly exchanges: number
}

async function sample(target: BenchTarget, body: Buffer, millis: number): Promise<Sample> {
  if (target.pid === undefined) throw new Error(`${target.id} has no process to measure`)
  const load = new Load(target, concurrency)
  const before = cpuMicros(target.pid)
  const { length: exchanges } = await load.runFor(millis, concurrency, body).finally(() => load.close())
  return { cpuMillis: (cpuMicros(target.pid) - before) / 1000 / exchanges, exchanges }
}
