import { cpus, release, totalmem, type } from 'node:os'
import { measureLatency, type LatencyResult } from './latency.ts'
import { measureMemory, type MemoryResult } from './memory.ts'
import { measureMicro, type MicroResult } from './micro.ts'
import { measureMoney, type MoneyResult } from './money.ts'
import { startChild } from './processes/child.ts'
import { measureSpeed, type Size, type SpeedResult } from './speed.ts'
import { measureStalls, type StallResult } from './stalls.ts'
import { growthOf, type Growth } from './statistics.ts'
import { startTargets, type BenchTarget, type NotStarted, type TargetKind } from './targets.ts'

/** Where a run was made. */
export interface Machine {
  readonly node: string
  readonly cpu: string
  readonly cores: number
  readonly memoryGigabytes: number
  readonly system: string
}

/** How a target's cost grows, and with what. */
export interface GrowthResult extends Growth {
  readonly target: string
  readonly with: 'body' | 'frames'
}

/** What a run has measured. Plain JSON. */
export interface BenchRun {
  /** ISO 8601, in UTC. */
  readonly startedAt: string
  readonly seconds: number
  readonly isQuick: boolean
  readonly machine: Machine
  readonly targets: readonly { readonly id: string; readonly title: string; readonly about: string; readonly version: string }[]
  readonly notRun: readonly NotStarted[]
  readonly speed: readonly SpeedResult[]
  readonly growth: readonly GrowthResult[]
  readonly latency: readonly LatencyResult[]
  readonly memory: readonly MemoryResult[]
  readonly stalls: readonly StallResult[]
  readonly micro: readonly MicroResult[]
  /** Absent from a quick run. */
  readonly money?: readonly MoneyResult[]
}

/** What to run. */
export interface RunOptions {
  readonly kinds: readonly TargetKind[]
  /** Few rounds, small sizes, no decisions on budgets: a look, not a result. */
  readonly isQuick: boolean
  readonly onProgress: (line: string) => void
}

const usualFrames = 300
const usualKilobytes = 350

const wholeSizes: readonly Size[] = [
  ...[1, 100, usualKilobytes, 1_024, 10_240].map((kilobytes) => ({ kilobytes, frames: usualFrames })),
  ...[10, 3_000].map((frames) => ({ kilobytes: usualKilobytes, frames })),
]
const quickSizes: readonly Size[] = [
  { kilobytes: 1, frames: usualFrames },
  { kilobytes: usualKilobytes, frames: usualFrames },
]

/** Everything, on one machine, in one go. */
export async function runBench({ kinds, isQuick, onProgress }: RunOptions): Promise<BenchRun> {
  const startedAt = new Date()
  const upstream = await startChild('upstream.ts')
  const upstreamUrl = `http://127.0.0.1:${upstream.port}`
  onProgress('starting the targets')
  const { targets, notRun } = await startTargets(kinds, upstreamUrl)
  for (const { title, why } of notRun) onProgress(`not run: ${title}: ${why}`)
  const speed = await measureSpeed(targets, upstreamUrl, {
    ...(isQuick ? { rounds: 2, sampleMillis: 400, warmUpMillis: 500 } : { rounds: 6, sampleMillis: 1_000, warmUpMillis: 2_000 }),
    sizes: isQuick ? quickSizes : wholeSizes,
    onProgress,
  })
  const latency = await measureLatency(targets, upstreamUrl, {
    ...(isQuick ? { rounds: 1, exchanges: 20, streams: 4 } : { rounds: 6, exchanges: 40, streams: 8 }),
    onProgress,
  })
  onProgress('stalls of the event loop')
  const stalls = await measureStalls(targets, upstreamUrl, isQuick ? 400 : 4_000)
  const running = kinds.filter(({ id }) => targets.some((target) => target.id === id))
  // A whole run starts each afresh; a look takes those that have served already, and counts from when they have collected their garbage.
  if (!isQuick) for (const target of targets) await target.stop()
  const memory = await measureMemory(isQuick ? targets.map(asStarted) : running, upstreamUrl, {
    ...(isQuick
      ? { streams: [1_000], limitMillis: 4_000, warmUpMillis: 200 }
      : { streams: [100, 1_000, 2_000, 5_000], limitMillis: 120_000, warmUpMillis: 1_500 }),
    onProgress,
  })
  upstream.stop()
  onProgress('pieces of the hot path')
  const micro = await measureMicro(isQuick ? { batchMillis: 60, batches: 3 } : { batchMillis: 400, batches: 5 })
  if (!isQuick) onProgress('decisions on budgets')
  const money = isQuick ? undefined : await measureMoney()
  return {
    startedAt: startedAt.toISOString(),
    seconds: Math.round((Date.now() - startedAt.getTime()) / 1000),
    isQuick,
    machine: {
      node: process.version,
      cpu: cpus()[0]?.model ?? 'unknown',
      cores: cpus().length,
      memoryGigabytes: Math.round(totalmem() / 2 ** 30),
      system: `${type()} ${release().split('-')[0] ?? ''}`,
    },
    targets: targets.map(({ id, title, version }) => ({ id, title, version, about: kinds.find((kind) => kind.id === id)?.about ?? '' })),
    notRun,
    speed,
    growth: growthOfTargets(speed),
    latency,
    memory,
    stalls,
    micro,
    ...(money !== undefined && { money }),
  }
}

/** A target as it runs, in place of one that is started. */
function asStarted(target: BenchTarget): TargetKind {
  const start = async (): Promise<BenchTarget> => {
    await target.collect?.()
    return target
  }
  return { id: target.id, title: target.title, about: '', start }
}

/** With the body at the usual frames, from 100 KB on; with frames at the usual body. */
function growthOfTargets(speed: readonly SpeedResult[]): readonly GrowthResult[] {
  const curves = [
    {
      with: 'body' as const,
      of: speed.filter(({ frames, kilobytes }) => frames === usualFrames && kilobytes >= 100),
      size: (result: SpeedResult) => result.kilobytes,
    },
    { with: 'frames' as const, of: speed.filter(({ kilobytes }) => kilobytes === usualKilobytes), size: (result: SpeedResult) => result.frames },
  ]
  const results: GrowthResult[] = []
  for (const curve of curves) {
    for (const target of new Set(curve.of.map((result) => result.target))) {
      const points = curve.of.filter((result) => result.target === target).map((result) => ({ size: curve.size(result), cost: result.cpuMillis }))
      if (points.length > 1) results.push({ target, with: curve.with, ...growthOf(points) })
    }
  }
  return results
}
