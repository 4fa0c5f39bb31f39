import { pricing as listPricing, type Cost, type Pricing } from '../meter/price.ts'
import type { UsageReport } from '../meter/usage.ts'
import type { Budget } from '../ports/budget-book.ts'
import type { LedgerEntry, ReportDimension } from '../ports/ledger.ts'
import { reportParts } from '../ledger/report-parts.ts'
import { compareText } from '../ledger/text-order.ts'
import { zonedLabels } from '../ledger/zoned-labels.ts'
import { compilePolicy } from './compile-policy.ts'
import type { Policy } from './policy-document.ts'
import { BudgetReplay, type BlockedSpend, type PassedThreshold } from './what-if-budgets.ts'
import { RouteReplay } from './what-if-route.ts'

/** What is to be different. What is left out is as it was. */
export interface WhatIfChanges {
  readonly policy?: Policy
  readonly prices?: Pricing
  readonly budgets?: readonly Budget[]
  /** Whether histories hold thinking, which pins a session to its model. The ledger does not say. @defaultValue true */
  readonly hasSignedThinking?: boolean
  /** A further way to group, beside scope and model. @defaultValue none */
  readonly groupBy?: Exclude<ReportDimension, 'model'>
  /** IANA name of the zone whose hours and days `groupBy` means. @defaultValue 'UTC' */
  readonly timeZone?: string
}

/** Money before and after, for one group. */
export interface WhatIfRow {
  /** A scope's path, a model, or the value of the dimension asked for; null where the exchanges have none. */
  readonly group: string | null
  readonly exchanges: number
  readonly recordedNanoUsd: bigint
  readonly projectedNanoUsd: bigint
}

/** What changed in the use of prompt caches. Tokens as each model counts them. */
export interface WhatIfCache {
  readonly recordedReadTokens: number
  readonly projectedReadTokens: number
  readonly recordedWriteTokens: number
  readonly projectedWriteTokens: number
}

/** The answer of {@link whatIf}. Plain data. */
export interface WhatIfReport {
  readonly exchanges: number
  readonly recordedNanoUsd: bigint
  readonly projectedNanoUsd: bigint
  /** Exchanges that would have gone to another model. */
  readonly moved: number
  /** Exchanges that the policy would have refused. */
  readonly denied: number
  /** By the key's own scope, dearest recorded first. */
  readonly byScope: readonly WhatIfRow[]
  /** By model: recorded where it was billed, projected where it would have gone. */
  readonly byModel: readonly WhatIfRow[]
  /** By `groupBy`: hours and days in their order, else dearest recorded first; empty where nothing was asked for. */
  readonly byGroup: readonly WhatIfRow[]
  readonly blocked: readonly BlockedSpend[]
  readonly thresholds: readonly PassedThreshold[]
  readonly cache: WhatIfCache
  /** What the figures rest on, in words: to be shown with them. */
  readonly assumptions: readonly string[]
}

/**
 * What recorded exchanges would have cost under another policy, other prices or other budgets. Pure, and from metadata alone: no prompt is needed and none is kept.
 * Budgets are applied to what is projected; a refused exchange costs nothing, and those after it are taken to have been asked all the same.
 *
 * @throws ConfigurationError for a policy that is not valid
 * @throws RangeError for an unknown time zone
 */
export function whatIf(entries: readonly LedgerEntry[], changes: WhatIfChanges): WhatIfReport {
  const replay = whatIfReplay(changes)
  const inOrder = entries.toSorted((left, right) => left.startedAt - right.startedAt || compareText(left.exchangeId, right.exchangeId))
  for (const entry of inOrder) replay.add(entry)
  return replay.report()
}

/** {@link whatIf} bit by bit, for those who have other things to do in between. */
export interface WhatIfReplay {
  /** The next exchange, in the order that they began in; of one instant, by id. */
  readonly add: (entry: LedgerEntry) => void
  /** The answer for all that were added. */
  readonly report: () => WhatIfReport
}

/**
 * Begins a replay.
 *
 * @throws ConfigurationError for a policy that is not valid
 * @throws RangeError for an unknown time zone
 */
export function whatIfReplay(changes: WhatIfChanges): WhatIfReplay {
  const { policy, prices, budgets = [], hasSignedThinking = true } = changes
  const groupOf = groupingBy(changes)
  const pricing = prices ?? listPricing()
  const routes = policy && new RouteReplay(compilePolicy(policy), pricing, hasSignedThinking)
  const book = new BudgetReplay(budgets)
  const [scopes, models, groups] = [new Groups(), new Groups(), new Groups()]
  const cache = { recordedReadTokens: 0, projectedReadTokens: 0, recordedWriteTokens: 0, projectedWriteTokens: 0 }
  let [recordedNanoUsd, projectedNanoUsd] = [0n, 0n]
  let [exchanges, moved, denied] = [0, 0, 0]
  return {
    add: (entry) => {
      const route = entry.usage.source === 'none' ? undefined : routes?.route(entry)
      const usage = route?.usage ?? entry.usage
      const isChanged = usage !== entry.usage
      const cost = prices !== undefined || isChanged ? pricing.cost(usage, entry.startedAt) : entry.cost
      exchanges += 1
      if (route?.isMoved === true) moved += 1
      if (route?.denied !== undefined) denied += 1
      const isSpent = route?.denied === undefined && (usage.source === 'none' || book.charge(entry, usage, cost))
      const projected: Cost = isSpent ? cost : { ...cost, nanoUsd: 0n, lines: [] }
      recordedNanoUsd += entry.cost.nanoUsd
      projectedNanoUsd += projected.nanoUsd
      scopes.add(entry.principal?.scopes?.at(-1)?.path ?? null, entry.cost.nanoUsd, projected.nanoUsd)
      for (const line of entry.cost.lines) models.add(line.model, line.nanoUsd, 0n)
      for (const line of projected.lines) models.add(line.model, 0n, line.nanoUsd, 0)
      if (groupOf !== undefined) groups.add(groupOf(entry), entry.cost.nanoUsd, projected.nanoUsd)
      addCache(cache, entry.usage, isSpent ? usage : undefined)
    },
    report: () => ({
      exchanges,
      recordedNanoUsd,
      projectedNanoUsd,
      moved,
      denied,
      byScope: scopes.rows(),
      byModel: models.rows(),
      byGroup: changes.groupBy === 'hour' || changes.groupBy === 'day' ? groups.rowsInOrder() : groups.rows(),
      blocked: book.blocked,
      thresholds: book.thresholds,
      cache: { ...cache },
      assumptions: assumptionsOf(changes, hasSignedThinking),
    }),
  }
}

/** Which group an exchange is of, as reports name it; undefined where nothing was asked for. */
function groupingBy({ groupBy, timeZone = 'UTC' }: WhatIfChanges): ((entry: LedgerEntry) => string | null) | undefined {
  if (groupBy === undefined) return undefined
  if (groupBy !== 'hour' && groupBy !== 'day') return (entry) => reportParts(entry)[0]?.[groupBy] ?? null
  const labels = zonedLabels(timeZone)
  return ({ startedAt }) => labels[groupBy](startedAt)
}

function addCache(cache: { -readonly [Key in keyof WhatIfCache]: number }, recorded: UsageReport, projected: UsageReport | undefined): void {
  cache.recordedReadTokens += recorded.total.cacheReadTokens
  cache.recordedWriteTokens += recorded.total.cacheWrite5mTokens + recorded.total.cacheWrite1hTokens
  cache.projectedReadTokens += projected?.total.cacheReadTokens ?? 0
  cache.projectedWriteTokens += (projected?.total.cacheWrite5mTokens ?? 0) + (projected?.total.cacheWrite1hTokens ?? 0)
}

function assumptionsOf({ policy, prices, budgets }: WhatIfChanges, hasSignedThinking: boolean): readonly string[] {
  const found = ['Developers would have asked for the same: the same requests, as long, with answers as long.']
  if (policy !== undefined) {
    found.push(
      'A model that a whole conversation moves to finds in its cache what the recorded one found; after a switch within a conversation it finds nothing.',
      'Tokens are scaled by how the two models count; a target takes every request, since the ledger does not tell what a request asks of its model.',
      hasSignedThinking
        ? 'Histories hold signed thinking: no conversation changes its model once it has begun.'
        : 'Histories hold no signed thinking: conversations may change their model where that pays.',
      'Conditions on thinking, region and budgets do not hold: the ledger does not tell them. The window that a request needs is its prompt alone.',
      'A conversation begins with its first exchange in this period.',
    )
    if (prices === undefined) found.push('What moves is priced by the list prices; what stays keeps its recorded cost.')
  }
  if (prices !== undefined) found.push('Everything is priced anew, by the prices given.')
  if (budgets !== undefined && budgets.length > 0)
    found.push(
      'Budgets begin empty with this period, and exchanges are charged one after the other: a gateway also holds what is under way, and so refuses a little earlier.',
      'A developer who is refused asks again as recorded: nobody goes home earlier, and nobody tries more often.',
    )
  return found
}

class Groups {
  readonly #groups = new Map<string | null, { exchanges: number; recordedNanoUsd: bigint; projectedNanoUsd: bigint }>()

  add(group: string | null, recorded: bigint, projected: bigint, exchanges = 1): void {
    let sums = this.#groups.get(group)
    if (sums === undefined) this.#groups.set(group, (sums = { exchanges: 0, recordedNanoUsd: 0n, projectedNanoUsd: 0n }))
    sums.exchanges += exchanges
    sums.recordedNanoUsd += recorded
    sums.projectedNanoUsd += projected
  }

  /** By name; those of hours and days are in the order of time. */
  rowsInOrder(): readonly WhatIfRow[] {
    return this.rows().toSorted((left, right) => compareText(left.group ?? '', right.group ?? ''))
  }

  rows(): readonly WhatIfRow[] {
    return [...this.#groups]
      .map(([group, sums]) => ({ group, ...sums }))
      .toSorted(
        (left, right) =>
          Number(right.recordedNanoUsd - left.recordedNanoUsd) || (left.group === null ? 1 : right.group === null ? -1 : compareText(left.group, right.group)),
      )
  }
}
