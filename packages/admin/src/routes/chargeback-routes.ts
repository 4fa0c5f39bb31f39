import { noTokens, type ReportDimension } from '@sluice/core'
import { z } from 'zod'
import { cacheHealth, sessionCacheTurns, type CacheFigures, type SessionCacheTurns } from '../chargeback/cache-health.ts'
import type { CacheAlarm } from '../chargeback/cache-watch.ts'
import { concentration } from '../chargeback/concentration.ts'
import type { CostRow } from '../chargeback/cost-rows.ts'
import { leaderboard, type LeaderboardPlace } from '../chargeback/leaderboard.ts'
import { sessionCosts } from '../chargeback/session-costs.ts'
import type { AdminActor } from '../power.ts'
import { newestEntries } from '../reports/ledger-pages.ts'
import { spanFields, toSpan, type SpanInput } from '../reports/report-query.ts'
import { isEntryWithin, withinScope } from '../reports/within-scope.ts'
import { route, type Route } from '../route.ts'
import type { AdminParts } from '../stores.ts'
import { limitOf, limitParameter } from './paging.ts'

/** The newest exchanges of a session that its turns are told from. */
const mostTurns = 5_000

const money = z.string().regex(/^-?\d+$/)
const share = z.number().min(0).max(1)
const by = z.enum(['developer', 'session', 'repository', 'costCentre', 'businessUnit', 'key', 'scope', 'model', 'agent'])
const figures = { readTokens: z.number(), writeTokens: z.number(), freshTokens: z.number(), hitRate: share.nullable() }

const leaderboardAnswer = z.strictObject({
  by,
  costNanoUsd: money,
  places: z.array(z.strictObject({ rank: z.number(), name: z.string().nullable(), exchanges: z.number(), costNanoUsd: money, share, cumulativeShare: share })),
})
const sessionsAnswer = z.strictObject({
  sessions: z.number(),
  costNanoUsd: money,
  medianNanoUsd: money.nullable(),
  p90NanoUsd: money.nullable(),
  mostNanoUsd: money.nullable(),
  bins: z.array(z.strictObject({ fromNanoUsd: money, toNanoUsd: money.nullable(), sessions: z.number(), costNanoUsd: money })),
  withoutSessionNanoUsd: money,
})
const concentrationAnswer = z.strictObject({
  by,
  members: z.number(),
  costNanoUsd: money,
  top: z.array(z.strictObject({ percent: z.number(), members: z.number(), costNanoUsd: money, share })),
  gini: share,
})
const cacheAnswer = z.strictObject({
  ...figures,
  alarms: z.number().meta({ description: 'Of the sessions listed, those with an alarm.' }),
  lostNanoUsd: money.meta({ description: 'Of the sessions listed: what was sent anew cost so much more than reading it would have.' }),
  worstSessions: z.array(
    z.strictObject({
      session: z.string(),
      exchanges: z.number(),
      costNanoUsd: money,
      ...figures,
      missedTurns: z.number().meta({ description: 'Turns that wrote to the cache and read less than half of what it should have held.' }),
      missedInARow: z.number(),
      lostTokens: z.number(),
      lostNanoUsd: money,
      alarm: z
        .strictObject({ at: z.string(), exchangeId: z.string(), turns: z.number(), model: z.string(), agent: z.string().nullable() })
        .nullable()
        .meta({ description: 'Given on the third turn in a row that misses.' }),
    }),
  ),
})

/** A leaderboard as the API shows it. */
export interface LeaderboardJson {
  readonly by: ReportDimension
  readonly costNanoUsd: string
  readonly places: readonly (Omit<LeaderboardPlace, 'costNanoUsd'> & { readonly costNanoUsd: string })[]
}

/** The spread of session costs as the API shows it. */
export interface SessionCostsJson {
  readonly sessions: number
  readonly costNanoUsd: string
  readonly medianNanoUsd: string | null
  readonly p90NanoUsd: string | null
  readonly mostNanoUsd: string | null
  readonly bins: readonly { readonly fromNanoUsd: string; readonly toNanoUsd: string | null; readonly sessions: number; readonly costNanoUsd: string }[]
  readonly withoutSessionNanoUsd: string
}

/** A concentration as the API shows it. */
export interface ConcentrationJson {
  readonly by: ReportDimension
  readonly members: number
  readonly costNanoUsd: string
  readonly top: readonly { readonly percent: number; readonly members: number; readonly costNanoUsd: string; readonly share: number }[]
  readonly gini: number
}

interface CacheFiguresJson extends Omit<CacheFigures, 'hitRate'> {
  readonly hitRate: number | null
}

/** Cache health as the API shows it. */
export interface CacheHealthJson extends CacheFiguresJson {
  /** Of the sessions listed, those with an alarm. */
  readonly alarms: number
  /** Of the sessions listed: what was sent anew cost so much more than reading it would have. */
  readonly lostNanoUsd: string
  readonly worstSessions: readonly SessionCacheJson[]
}

/** A session of {@link CacheHealthJson}. */
export interface SessionCacheJson extends CacheFiguresJson, Omit<SessionCacheTurns, 'lostNanoUsd' | 'alarm'> {
  readonly session: string
  readonly exchanges: number
  readonly costNanoUsd: string
  readonly lostNanoUsd: string
  /** Null where never three turns in a row missed. */
  readonly alarm: { readonly at: string; readonly exchangeId: string; readonly turns: number; readonly model: string; readonly agent: string | null } | null
}

/** Routes of the chargeback views: computed from what the ledger reports. */
export function chargebackRoutes({ stores: { ledger, scopes }, pricing, pause }: AdminParts): readonly Route[] {
  const rowsBy = async (actor: AdminActor, dimension: ReportDimension, span: SpanInput): Promise<readonly CostRow[]> => {
    const query = await withinScope(actor, { groupBy: [dimension], ...toSpan(span) }, scopes)
    if (query === undefined) return []
    const rows = await ledger.report(query)
    return rows.map((row) => ({ ...noTokens, ...row, name: row.group[dimension] ?? null }))
  }
  return [
    route({
      name: 'chargeback.leaderboard',
      method: 'GET',
      path: 'chargeback/leaderboard',
      about: 'Who spent most, with the share of each.',
      query: z.strictObject({ ...spanFields, by: by.optional(), limit: limitParameter.optional() }),
      answer: leaderboardAnswer,
      handle: async ({ actor, query }): Promise<{ body: LeaderboardJson }> => {
        const dimension = query.by ?? 'developer'
        const rows = await rowsBy(actor, dimension, query)
        const places = leaderboard(rows).slice(0, limitOf(query))
        return {
          body: {
            by: dimension,
            costNanoUsd: rows.reduce((sum, row) => sum + row.costNanoUsd, 0n).toString(),
            places: places.map((place) => ({ ...place, costNanoUsd: place.costNanoUsd.toString() })),
          },
        }
      },
    }),
    route({
      name: 'chargeback.sessions',
      method: 'GET',
      path: 'chargeback/sessions',
      about: 'How what sessions cost is spread: a histogram, the median, the ninth decile.',
      query: z.strictObject(spanFields),
      answer: sessionsAnswer,
      handle: async ({ actor, query }): Promise<{ body: SessionCostsJson }> => {
        const found = sessionCosts(await rowsBy(actor, 'session', query))
        return {
          body: {
            sessions: found.sessions,
            costNanoUsd: found.costNanoUsd.toString(),
            medianNanoUsd: found.medianNanoUsd?.toString() ?? null,
            p90NanoUsd: found.p90NanoUsd?.toString() ?? null,
            mostNanoUsd: found.mostNanoUsd?.toString() ?? null,
            bins: found.bins.map((bin) => ({
              fromNanoUsd: bin.fromNanoUsd.toString(),
              toNanoUsd: bin.toNanoUsd?.toString() ?? null,
              sessions: bin.sessions,
              costNanoUsd: bin.costNanoUsd.toString(),
            })),
            withoutSessionNanoUsd: found.withoutSessionNanoUsd.toString(),
          },
        }
      },
    }),
    route({
      name: 'chargeback.concentration',
      method: 'GET',
      path: 'chargeback/concentration',
      about: 'The share of the dearest 1, 10, 20 and 50 percent.',
      query: z.strictObject({ ...spanFields, by: by.optional() }),
      answer: concentrationAnswer,
      handle: async ({ actor, query }): Promise<{ body: ConcentrationJson }> => {
        const dimension = query.by ?? 'developer'
        const found = concentration(await rowsBy(actor, dimension, query))
        return {
          body: {
            ...found,
            by: dimension,
            costNanoUsd: found.costNanoUsd.toString(),
            top: found.top.map((part) => ({ ...part, costNanoUsd: part.costNanoUsd.toString() })),
          },
        }
      },
    }),
    route({
      name: 'chargeback.cache-health',
      method: 'GET',
      path: 'chargeback/cache-health',
      about: 'How much of what was sent in was read from the cache, and the sessions that missed most.',
      query: z.strictObject({ ...spanFields, limit: limitParameter.optional() }),
      answer: cacheAnswer,
      handle: async ({ actor, query }): Promise<{ body: CacheHealthJson }> => {
        const found = cacheHealth(await rowsBy(actor, 'session', query), query.limit === undefined ? 10 : limitOf(query))
        const { where: _, ...period } = toSpan(query)
        const worstSessions: SessionCacheJson[] = []
        for (const { hitRate, costNanoUsd, ...session } of found.worstSessions) {
          const { entries } = await newestEntries(ledger, { ...period, session: session.session }, mostTurns, pause)
          const turns = sessionCacheTurns(entries.filter((entry) => isEntryWithin(actor, entry)).toReversed(), pricing)
          worstSessions.push({
            ...session,
            ...turns,
            hitRate: hitRate ?? null,
            costNanoUsd: costNanoUsd.toString(),
            lostNanoUsd: turns.lostNanoUsd.toString(),
            alarm: turns.alarm === undefined ? null : toAlarmJson(turns.alarm),
          })
        }
        return {
          body: {
            ...found,
            hitRate: found.hitRate ?? null,
            alarms: worstSessions.filter(({ alarm }) => alarm !== null).length,
            lostNanoUsd: worstSessions.reduce((sum, { lostNanoUsd }) => sum + BigInt(lostNanoUsd), 0n).toString(),
            worstSessions,
          },
        }
      },
    }),
  ]
}

function toAlarmJson({ at, exchangeId, turns, model, agent }: CacheAlarm): SessionCacheJson['alarm'] {
  return { at: new Date(at).toISOString(), exchangeId, turns, model, agent: agent ?? null }
}
