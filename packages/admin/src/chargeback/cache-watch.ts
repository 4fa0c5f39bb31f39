import { pricing as listPricing, promptTokens, type LedgerEntry, type Pricing, type TokenBuckets, type UsageLine } from '@sluice/core'

/** A session that writes its prompt anew turn after turn, and hardly reads any of it. */
export interface CacheAlarm {
  readonly session: string
  /** The sub-agent whose turns they are; absent for the session's own loop. */
  readonly agent?: string
  readonly model: string
  /** Turns in a row. */
  readonly turns: number
  /** The exchange that it was noticed on. */
  readonly exchangeId: string
  /** Milliseconds since the epoch. */
  readonly at: number
  /** Of these turns: tokens that were written or sent anew, though the cache should have held them. */
  readonly lostTokens: number
  /** What these tokens cost, less what reading them would have cost. */
  readonly lostNanoUsd: bigint
}

/** One turn, as far as the cache goes. */
export interface CacheTurn {
  /** It wrote to the cache, and read less than half of what the turn before had left there. */
  readonly isMiss: boolean
  /** Such turns in a row, this one included. */
  readonly streak: number
  readonly lostTokens: number
  readonly lostNanoUsd: bigint
  /** Where this turn is the one that gives the alarm. */
  readonly alarm: CacheAlarm | undefined
}

/** Options of {@link cacheWatch}. */
export interface CacheWatchOptions {
  /** Turns of creation without reads that give an alarm. @defaultValue 3 */
  readonly alarmTurns?: number
  /** Told once of each such run of turns. @defaultValue dropped */
  readonly onAlarm?: (alarm: CacheAlarm) => void
  /** Pass the gateway's, where it has its own. @defaultValue list prices */
  readonly pricing?: Pricing
  /** Conversations that are remembered. @defaultValue 10000 */
  readonly conversations?: number
}

/** Watches how sessions use the provider's prompt cache. */
export interface CacheWatch {
  /** Sees a settled exchange, in the order of time. Undefined for one that is no turn of a known session, or tells no usage. Never throws. */
  readonly see: (entry: LedgerEntry) => CacheTurn | undefined
}

interface Watched {
  readonly model: string
  /** Tokens that the last turn left in the cache. */
  heldTokens: number
  endedAt: number
  isLongCache: boolean
  streak: number
  lostTokens: number
  lostNanoUsd: bigint
}

const minuteMillis = 60_000
const defaultAlarmTurns = 3

/**
 * A watch on prompt caches. The first turn of a conversation writes and cannot read; the next should read what it wrote. A pause beyond the cache's lifetime, another
 * model, and a compaction are beginnings too: nobody is warned of those. From metadata alone.
 */
export function cacheWatch(options: CacheWatchOptions = {}): CacheWatch {
  const { alarmTurns = defaultAlarmTurns, onAlarm = () => undefined, pricing = listPricing(), conversations: most = 10_000 } = options
  const known = new Map<string, Watched>()
  const remember = (key: string, watched: Watched): void => {
    known.delete(key)
    known.set(key, watched)
    for (const oldest of known.keys()) {
      if (known.size <= most) return
      known.delete(oldest)
    }
  }
  return {
    see: (entry) => {
      const { attribution, usage, startedAt, endedAt, exchangeId } = entry
      const { session, agent } = attribution
      const kind = attribution.kind.value
      const line = usage.lines.find(({ role }) => role === 'message')
      if (session === undefined || line === undefined || usage.source === 'none' || usage.source === 'estimated') return undefined
      const key = JSON.stringify([entry.principal?.keyId ?? null, session.value, agent?.value ?? null])
      if (kind === 'compaction') known.delete(key)
      // Agents without an id cannot be told from each other.
      if (kind !== 'main' && kind !== 'other' && (kind !== 'sub-agent' || agent === undefined)) return undefined
      const { cacheReadTokens, freshInputTokens } = line
      const writtenTokens = line.cacheWrite5mTokens + line.cacheWrite1hTokens
      const before = known.get(key)
      const isBeginning = before === undefined || before.model !== line.model || startedAt - before.endedAt >= lifetimeOf(before)
      const watched: Watched =
        isBeginning || before === undefined
          ? { model: line.model, heldTokens: 0, endedAt, isLongCache: false, streak: 0, lostTokens: 0, lostNanoUsd: 0n }
          : before
      const readableTokens = Math.min(watched.heldTokens, promptTokens(line))
      const isRead = isBeginning ? cacheReadTokens > 0 : cacheReadTokens * 2 >= readableTokens
      const isMiss = writtenTokens > 0 && !isRead
      const lostTokens = isMiss ? Math.min(Math.max(0, readableTokens - cacheReadTokens), writtenTokens + freshInputTokens) : 0
      const lostNanoUsd = lostTokens === 0 ? 0n : lostOf(line, lostTokens, pricing, startedAt)
      if (isMiss) {
        watched.streak += 1
        watched.lostTokens += lostTokens
        watched.lostNanoUsd += lostNanoUsd
      } else if (isRead) Object.assign(watched, { streak: 0, lostTokens: 0, lostNanoUsd: 0n })
      watched.heldTokens = cacheReadTokens + writtenTokens
      watched.endedAt = endedAt
      if (writtenTokens > 0) watched.isLongCache = line.cacheWrite1hTokens > 0
      remember(key, watched)
      const alarm: CacheAlarm | undefined =
        isMiss && watched.streak === alarmTurns
          ? {
              session: session.value,
              ...(agent !== undefined && { agent: agent.value }),
              model: line.model,
              turns: watched.streak,
              exchangeId,
              at: endedAt,
              lostTokens: watched.lostTokens,
              lostNanoUsd: watched.lostNanoUsd,
            }
          : undefined
      if (alarm !== undefined) onAlarm(alarm)
      return { isMiss, streak: watched.streak, lostTokens, lostNanoUsd, alarm }
    },
  }
}

function lifetimeOf({ isLongCache }: Watched): number {
  return (isLongCache ? 60 : 5) * minuteMillis
}

/** What tokens cost, written or sent anew, less what they would have cost as reads. */
function lostOf(line: UsageLine, lostTokens: number, pricing: Pricing, at: number): bigint {
  let left = lostTokens
  const taken = (tokens: number): number => {
    const part = Math.min(left, tokens)
    left -= part
    return tokens - part
  }
  const read: TokenBuckets = {
    ...line,
    cacheReadTokens: line.cacheReadTokens + lostTokens,
    cacheWrite1hTokens: taken(line.cacheWrite1hTokens),
    cacheWrite5mTokens: taken(line.cacheWrite5mTokens),
    freshInputTokens: taken(line.freshInputTokens),
  }
  const costOf = (tokens: TokenBuckets): bigint => pricing.cost({ source: 'final', total: tokens, lines: [{ ...line, ...tokens }], flags: [] }, at).nanoUsd
  const lost = costOf(line) - costOf(read)
  return lost > 0n ? lost : 0n
}
