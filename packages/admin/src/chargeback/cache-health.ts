import type { LedgerEntry, Pricing } from '@sluice/core'
import { cacheWatch, type CacheAlarm } from './cache-watch.ts'
import type { CostRow } from './cost-rows.ts'

/** How much of what was sent in was read from the cache. */
export interface CacheFigures {
  readonly readTokens: number
  readonly writeTokens: number
  readonly freshTokens: number
  /** read / (read + write + fresh), from 0 to 1; undefined where nothing was sent in. */
  readonly hitRate: number | undefined
}

/** A session on {@link CacheHealth}. */
export interface SessionCacheFigures extends CacheFigures {
  readonly session: string
  readonly exchanges: number
  readonly costNanoUsd: bigint
}

/** How well prompts are cached. */
export interface CacheHealth extends CacheFigures {
  /** Those with the most tokens that were not read from the cache, as these are what costs; of one exchange alone nothing can be said. */
  readonly worstSessions: readonly SessionCacheFigures[]
}

/** Cache health over all rows, and the worst sessions. Rows are of sessions. */
export function cacheHealth(rows: readonly CostRow[], limit: number): CacheHealth {
  const sessions = rows.flatMap(({ name, exchanges, costNanoUsd, ...row }) =>
    name === null || exchanges < 2 ? [] : [{ session: name, exchanges, costNanoUsd, ...figuresOf([row]) }],
  )
  return {
    ...figuresOf(rows),
    worstSessions: sessions
      .filter(({ hitRate }) => hitRate !== undefined)
      .toSorted((left, right) => missed(right) - missed(left) || (left.session < right.session ? -1 : 1))
      .slice(0, limit),
  }
}

function missed({ writeTokens, freshTokens }: CacheFigures): number {
  return writeTokens + freshTokens
}

function figuresOf(rows: readonly Pick<CostRow, 'freshInputTokens' | 'cacheReadTokens' | 'cacheWrite5mTokens' | 'cacheWrite1hTokens'>[]): CacheFigures {
  let readTokens = 0
  let writeTokens = 0
  let freshTokens = 0
  for (const row of rows) {
    readTokens += row.cacheReadTokens
    writeTokens += row.cacheWrite5mTokens + row.cacheWrite1hTokens
    freshTokens += row.freshInputTokens
  }
  const all = readTokens + writeTokens + freshTokens
  return { readTokens, writeTokens, freshTokens, hitRate: all === 0 ? undefined : Math.round((readTokens / all) * 1_000_000) / 1_000_000 }
}

/** How the turns of one session used the cache, one after the other. */
export interface SessionCacheTurns {
  /** Turns that wrote to the cache and read less than half of what the turn before had left there. Beginnings are among them. */
  readonly missedTurns: number
  /** The most of them in a row. */
  readonly missedInARow: number
  /** What those turns sent anew, though the cache should have held it. */
  readonly lostTokens: number
  /** What these tokens cost, less what reading them would have cost. */
  readonly lostNanoUsd: bigint
  /** Where several turns in a row missed: the first of such runs. */
  readonly alarm: CacheAlarm | undefined
}

/** Looks at the turns of a session; entries in the order of time. */
export function sessionCacheTurns(entries: readonly LedgerEntry[], pricing?: Pricing): SessionCacheTurns {
  const alarms: CacheAlarm[] = []
  const watch = cacheWatch({ onAlarm: (alarm) => alarms.push(alarm), ...(pricing !== undefined && { pricing }) })
  let [missedTurns, missedInARow, lostTokens, lostNanoUsd] = [0, 0, 0, 0n]
  for (const entry of entries) {
    const turn = watch.see(entry)
    if (turn?.isMiss !== true) continue
    missedTurns += 1
    missedInARow = Math.max(missedInARow, turn.streak)
    lostTokens += turn.lostTokens
    lostNanoUsd += turn.lostNanoUsd
  }
  return { missedTurns, missedInARow, lostTokens, lostNanoUsd, alarm: alarms[0] }
}
