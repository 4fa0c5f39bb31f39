import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { NotHere } from '../packages/conformance/src/peers/peer.ts'
import { residentBytes } from './kernel.ts'
import { claudeCodeBody, Load, openStreams } from './load.ts'
import { rounded } from './statistics.ts'
import type { TargetKind } from './targets.ts'
import { setMode } from './upstream-mode.ts'

/** How much is measured. */
export interface MemoryOptions {
  /** Numbers of open streams, ascending. */
  readonly streams: readonly number[]
  /** How long opening them may take at each level. */
  readonly limitMillis: number
  /** How long each target is under load before. */
  readonly warmUpMillis: number
  readonly onProgress: (line: string) => void
}

/** What one target holds in RAM. */
export interface MemoryResult {
  readonly target: string
  /** After a little load, with nothing open. */
  readonly idleMegabytes: number
  /** Per open stream, at so many. */
  readonly levels: readonly { readonly streams: number; readonly kilobytesPerStream: number }[]
  /** At the last level, after all garbage was collected; of this project's own processes. Tells what streams hold from what has not been swept up yet. */
  readonly collectedKilobytesPerStream?: number
  /** Why there are no further levels. */
  readonly stoppedBecause?: string
}

/** As `npm start` bounds it: what V8 lets it grow to, and keeps, says nothing of a stream. */
const boundedYoungGeneration = ['--max-semi-space-size=16']

/** Resident memory per open stream that waits for its next frame. Each target is started afresh: what a heap has freed is not what streams cost. */
export async function measureMemory(kinds: readonly TargetKind[], upstreamUrl: string, options: MemoryOptions): Promise<readonly MemoryResult[]> {
  const results: MemoryResult[] = []
  for (const kind of kinds) {
    options.onProgress(`memory: ${kind.title}`)
    try {
      results.push(await measureOne(kind, upstreamUrl, options))
    } catch (error) {
      // Said where the targets are listed.
      if (!(error instanceof NotHere)) throw error
    }
  }
  await setMode(upstreamUrl, {})
  return results
}

async function measureOne(kind: TargetKind, upstreamUrl: string, options: MemoryOptions): Promise<MemoryResult> {
  await setMode(upstreamUrl, {})
  const target = await kind.start(upstreamUrl, boundedYoungGeneration)
  const sockets: Socket[] = []
  try {
    const { pid } = target
    if (pid === undefined) throw new Error(`${target.id} has no process to measure`)
    const load = new Load(target, 8)
    await load.runFor(options.warmUpMillis, 8, claudeCodeBody(100 * 1024))
    load.close()
    await setMode(upstreamUrl, { isHeld: true })
    const idle = await settled(pid)
    const measured: { streams: number; kilobytesPerStream: number }[] = []
    for (const streams of options.streams) {
      try {
        await openStreams(target, sockets, streams, options.limitMillis)
      } catch (error) {
        return {
          target: kind.id,
          idleMegabytes: rounded(idle / 2 ** 20),
          levels: measured,
          stoppedBecause: `${streams} streams were not open within ${options.limitMillis / 1000} s: ${messageOf(error)}`,
        }
      }
      measured.push({ streams, kilobytesPerStream: rounded(((await settled(pid)) - idle) / 1024 / streams) })
    }
    await target.collect?.()
    const collected = target.collect === undefined ? {} : { collectedKilobytesPerStream: rounded(((await settled(pid)) - idle) / 1024 / sockets.length) }
    return { target: kind.id, idleMegabytes: rounded(idle / 2 ** 20), levels: measured, ...collected }
  } finally {
    for (const socket of sockets) socket.destroy()
    await target.stop()
  }
}

/** Resident memory once it has stopped to move. */
async function settled(pid: number): Promise<number> {
  let last = residentBytes(pid)
  for (let look = 0; look < 10; look += 1) {
    await sleep(300)
    const now = residentBytes(pid)
    if (Math.abs(now - last) < 64 * 1024) return now
    last = now
  }
  return last
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
