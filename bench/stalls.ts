import { claudeCodeBody, Load } from './load.ts'
import { rounded } from './statistics.ts'
import type { BenchTarget } from './targets.ts'
import { setMode } from './upstream-mode.ts'

/** How long a target's event loop was away. */
export interface StallResult {
  readonly target: string
  /** The longest, while bodies of two megabytes came in, four at a time. */
  readonly longestStallMillis: number
}

/** Stalls of the event loop, of the targets that can tell. */
export async function measureStalls(targets: readonly BenchTarget[], upstreamUrl: string, millis: number): Promise<readonly StallResult[]> {
  await setMode(upstreamUrl, { frames: 50 })
  const body = claudeCodeBody(2 * 1024 * 1024)
  const results: StallResult[] = []
  for (const { id, stallMillis, ...door } of targets) {
    if (stallMillis === undefined) continue
    const load = new Load(door, 4)
    // The first call starts the watch, the second forgets what warming up did.
    await stallMillis()
    await load.runFor(millis, 4, body)
    await stallMillis()
    await load.runFor(millis, 4, body)
    results.push({ target: id, longestStallMillis: rounded(await stallMillis()) })
    load.close()
  }
  return results
}
