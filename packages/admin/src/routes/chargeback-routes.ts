import { noTokens, type ReportDimension } from '@sluice/core'
import { z } from 'zod'
import { cacheHealth, type CacheFigures } from '../chargeback/cache-health.ts'
import { concentration } from '../chargeback/concentration.ts'
import type { CostRow } from '../chargeback/cost-rows.ts'
import { leaderboard, type LeaderboardPlace } from '../chargeback/leaderboard.ts'
import { sessionCosts } from '../chargeback/session-costs.ts'
import type { AdminActor } from '../power.ts'
import { spanFields, toSpan, type SpanInput } from '../reports/report-query.ts'
import { withinScope } from '../reports/within-scope.ts'
import { route, type Route } from '../route.ts'
import type { AdminParts } from '../stores.ts'
import { limitOf, limitParameter } from './paging.ts'

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
  worstSessions: z.array(z.strictObject({ session: z.string(), exchanges: z.number(), costNanoUsd: money, ...figures })),
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
  readonly worstSessions: readonly (CacheFiguresJson & { readonly session: string; readonly exchanges: number; readonly costNanoUsd: string })[]
}

/** Routes of the chargeback views: computed from what the ledger reports. */
export function chargebackRoutes({ stores: { ledger, scopes } }: AdminParts): readonly Route[] {
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
        return {
          body: {
            ...found,
            hitRate: found.hitRate ?? null,
            worstSessions: found.worstSessions.map((session) => ({
              ...session,
              hitRate: session.hitRate ?? null,
              costNanoUsd: session.costNanoUsd.toString(),
            })),
          },
        }
      },
    }),
  ]
}
