import { claudeCodeBody, Load, type Timing } from './load.ts'
import type { Child } from './processes/child.ts'
import { median, quantile } from './statistics.ts'

/** How much is measured. */
export interface SpeedOptions {
  readonly rounds: number
  readonly exchanges: number
  readonly frames: number
}

/** One target at one body size. Ratios are medians over rounds of neighbours in time, so that a slow minute cancels out. */
export interface SpeedResult {
  readonly kilobytes: number
  readonly target: string
  readonly cpuMillis: number
  readonly cpuRatio: number
  readonly addedFirstByteP50Millis: number
  readonly addedFirstByteP99Millis: number
}

interface Sample {
  readonly cpuMillis: number
  readonly timings: readonly Timing[]
}

const concurrency = 16
/** Enough for the compiler to have seen everything hot; its threads' time counts too. */
const warmUpExchanges = 1_500
const bodySizes = [100, 350, 1024]

/** CPU per exchange and added time to the first byte; the first target is what the others are compared with. */
export async function measureSpeed(targets: Readonly<Record<string, Child>>, options: SpeedOptions): Promise<readonly SpeedResult[]> {
  const results: SpeedResult[] = []
  for (const kilobytes of bodySizes) {
    const body = claudeCodeBody(kilobytes * 1024)
    const samples = new Map<string, Sample[]>(Object.keys(targets).map((name) => [name, []]))
    for (const target of Object.values(targets)) await new Load(target, concurrency).run(warmUpExchanges, concurrency, body, options.frames)
    for (let round = 0; round < options.rounds; round += 1) {
      for (const [name, target] of Object.entries(targets)) samples.get(name)?.push(await sample(target, body, options))
    }
    const [yardstick] = samples.values() as IteratorObject<Sample[]> & Iterable<Sample[]>
    if (yardstick === undefined) throw new Error('no target to compare with')
    for (const [target, of] of samples) results.push({ kilobytes, target, ...compared(of, yardstick) })
  }
  return results
}

async function sample(target: Child, body: Buffer, { exchanges, frames }: SpeedOptions): Promise<Sample> {
  const load = new Load(target, concurrency)
  const before = await target.cpuMicros()
  await load.run(exchanges, concurrency, body, frames)
  const after = await target.cpuMicros()
  // First bytes are timed one request at a time: under load they measure the queue, not the gateway.
  const timings = await load.run(60, 1, body, 10)
  load.close()
  return { cpuMillis: (after - before) / 1000 / exchanges, timings }
}

function compared(of: readonly Sample[], yardstick: readonly Sample[]): Omit<SpeedResult, 'kilobytes' | 'target'> {
  const firstBytes = (samples: readonly Sample[]): readonly number[] => samples.flatMap(({ timings }) => timings.map(({ firstByteMillis }) => firstByteMillis))
  const added = (share: number): number => rounded(quantile(firstBytes(of), share) - quantile(firstBytes(yardstick), share))
  return {
    cpuMillis: rounded(median(of.map(({ cpuMillis }) => cpuMillis))),
    cpuRatio: rounded(median(of.map(({ cpuMillis }, round) => cpuMillis / (yardstick[round]?.cpuMillis ?? Number.NaN)))),
    addedFirstByteP50Millis: added(0.5),
    addedFirstByteP99Millis: added(0.99),
  }
}

export function rounded(value: number): number {
  return Math.round(value * 1000) / 1000
}
