import { claudeCodeBody, Load } from './load.ts'
import { quantile, rounded } from './statistics.ts'
import type { BenchTarget } from './targets.ts'
import { setMode } from './upstream-mode.ts'

/** How much is measured. */
export interface LatencyOptions {
  readonly rounds: number
  /** Exchanges for each target in each round, one at a time. */
  readonly exchanges: number
  /** Streams at a time for each target in each round, of 100 events each. */
  readonly streams: number
  readonly onProgress: (line: string) => void
}

/** What a target adds to what the upstream takes by itself, asked directly in the same rounds. */
export interface LatencyResult {
  readonly target: string
  readonly addedFirstByteMillis: Percentiles
  readonly addedPerEventMillis: Percentiles
}

/** Of what is measured, less the same percentile of the direct way. */
export interface Percentiles {
  readonly p50: number
  readonly p99: number
}

const kilobytes = 350
const events = 100
const gapMillis = 10
const id = 'direct'

/** Added time to the first byte at 350 KB without contention, and the delay added to each event of slow streams. */
export async function measureLatency(targets: readonly BenchTarget[], upstreamUrl: string, options: LatencyOptions): Promise<readonly LatencyResult[]> {
  const port = Number(new URL(upstreamUrl).port)
  const all = [{ id, port, headers: {} }, ...targets]
  const body = claudeCodeBody(kilobytes * 1024)
  const firstBytes = new Map<string, number[]>(all.map((each) => [each.id, []]))
  const delays = new Map<string, number[]>(all.map((each) => [each.id, []]))
  for (let round = 0; round < options.rounds; round += 1) {
    options.onProgress(`latency: round ${round + 1} of ${options.rounds}`)
    await setMode(upstreamUrl, { frames: 10 })
    for (const each of all) {
      const load = new Load(each, 1)
      // The first ones open the connections.
      for (let warm = 0; warm < 3; warm += 1) await load.exchange(body)
      for (let count = 0; count < options.exchanges; count += 1) firstBytes.get(each.id)?.push((await load.exchange(body)).firstByteMillis)
      load.close()
    }
    await setMode(upstreamUrl, { frames: events, gapMillis, isClock: true })
    for (const each of all) {
      const load = new Load(each, options.streams)
      const seen = delays.get(each.id) ?? []
      await Promise.all(Array.from({ length: options.streams }, () => load.exchange(claudeCodeBody(0), clockReader(seen))))
      load.close()
    }
  }
  const directFirst = firstBytes.get(id) ?? []
  const directDelays = delays.get(id) ?? []
  return targets.map((target) => ({
    target: target.id,
    addedFirstByteMillis: added(firstBytes.get(target.id) ?? [], directFirst),
    addedPerEventMillis: added(delays.get(target.id) ?? [], directDelays),
  }))
}

/** Reads the times that the upstream has written into its frames, and adds how long ago each was. */
function clockReader(delays: number[]): (chunk: Buffer) => void {
  let rest = ''
  return (chunk) => {
    const now = Number(process.hrtime.bigint() / 1000n)
    const text = rest + chunk.toString('latin1')
    let end = 0
    for (const match of text.matchAll(/at=(\d+);/g)) {
      delays.push((now - Number(match[1])) / 1000)
      end = match.index + match[0].length
    }
    rest = text.slice(end).slice(-40)
  }
}

function added(samples: readonly number[], direct: readonly number[]): Percentiles {
  const at = (share: number): number => rounded(quantile(samples, share) - quantile(direct, share))
  return { p50: at(0.5), p99: at(0.99) }
}
