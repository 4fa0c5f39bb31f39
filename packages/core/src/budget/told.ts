import { GatewayError } from '../errors.ts'
import type { Budget, BudgetWindow } from '../ports/budget-book.ts'
import type { HeaderList } from '../wire/header-list.ts'
import type { BudgetStatus } from './status.ts'

/**
 * What a developer is told about budgets, in the form that Claude Code shows by itself: headers of the API's own unified limits.
 * Their names and values were read off Anthropic's own gateway and the client (2.1.330); client internals may change with a release, so they stand here only.
 */

/** Prefix of the headers; the upstream's own of that name are kept back where the gateway speaks. */
export const unifiedPrefix = 'anthropic-ratelimit-unified-'

/** Shares of a limit from which the client warns. */
const warningShares: readonly number[] = [0.95, 0.75]
/** At 1 the client takes the limit for reached. */
const mostWhileAllowed = 0.99
/** For budgets that never begin anew. The client reads a date in any case. */
const farMillis = 30 * 24 * 3_600_000

/** The status that matters most: what is nearest to its hard line, else what is spent furthest; of equals, what resets last. Undefined for none. */
export function tightest(statuses: readonly BudgetStatus[]): BudgetStatus | undefined {
  return statuses.reduce<BudgetStatus | undefined>((best, one) => (best === undefined || isTighter(one, best) ? one : best), undefined)
}

function isTighter(one: BudgetStatus, other: BudgetStatus): boolean {
  if (one.utilization !== other.utilization) return one.utilization > other.utilization
  return (one.resetsAt ?? Infinity) > (other.resetsAt ?? Infinity)
}

/** Reply headers below the line: how far the tightest budget is used, and a warning from 75 % on. Never says 100 % while exchanges are still let through. */
export function standingHeaders(status: BudgetStatus, at: number): HeaderList {
  const utilization = Math.min(mostWhileAllowed, status.utilization)
  const surpassed = warningShares.find((share) => utilization >= share)
  const resets = epochSeconds(status.resetsAt ?? at + farMillis)
  const headers: [string, string][] = [
    ['status', surpassed === undefined ? 'allowed' : 'allowed_warning'],
    ['representative-claim', 'overage'],
    ['overage-status', surpassed === undefined ? 'allowed' : 'allowed_warning'],
    ['overage-utilization', String(Math.round(utilization * 100) / 100)],
    ['reset', resets],
    ['overage-reset', resets],
  ]
  if (surpassed !== undefined) headers.push(['overage-surpassed-threshold', String(surpassed)])
  return headers.map(([name, value]) => [unifiedPrefix + name, value])
}

/** The refusal at the line, which Claude Code shows once and does not repeat: 429 `billing_error`, with all headers that it looks for. */
export function budgetRefusal(status: BudgetStatus, at: number): GatewayError {
  const { budget, resetsAt } = status
  const resets = epochSeconds(resetsAt ?? at + farMillis)
  const headers: readonly (readonly [string, string])[] = [
    ['status', 'rejected'],
    ['reset', resets],
    ['overage-reset', resets],
    ['overage-utilization', '1'],
    ['overage-surpassed-threshold', '1'],
    ['overage-period', periodOf(budget.window)],
    ['overage-disabled-reason', 'org_spend_cap_reached'],
  ]
  const waitSeconds = Math.max(61, Math.ceil(((resetsAt ?? at + farMillis) - at) / 1000))
  return new GatewayError('budget-exceeded', refusalText(status, at), {
    retryAfterSeconds: waitSeconds,
    shouldRetry: false,
    headers: headers.map(([name, value]) => [unifiedPrefix + name, value] as const),
  })
}

/** `spend limit reached · resets Dec 1 · team web: $10.43 spent of $10.00 this month · Ask #ai-budget.` */
function refusalText(status: BudgetStatus, at: number): string {
  const { budget, amount, spent, hardCap, resetsAt } = status
  const word = budget.unit === 'nano-usd' ? 'spend' : budget.unit === 'tokens' ? 'token' : 'request'
  const parts = [
    `${word} limit reached`,
    resetsAt === undefined ? 'does not reset by itself' : `resets ${resetText(resetsAt, at, budget.window)}`,
    // What is left may be too little for the request, or held by others: else it reads as if there were no reason.
    `${budget.name}: ${amountText(spent, budget.unit)} used of ${amountText(amount, budget.unit)} ${spanText(budget.window)}${spent < hardCap ? ', and what is left is not enough for this request' : ''}`,
  ]
  if (budget.notice !== undefined) parts.push(budget.notice)
  return parts.join(' · ')
}

/** An amount for people; display only, rounded to the cent. */
export function amountText(amount: bigint, unit: Budget['unit']): string {
  if (unit !== 'nano-usd') return `${amount.toLocaleString('en-US')} ${unit}`
  const cents = (amount + 5_000_000n) / 10_000_000n
  return `$${(cents / 100n).toLocaleString('en-US')}.${String(cents % 100n).padStart(2, '0')}`
}

function spanText(window: BudgetWindow): string {
  if (window.kind === 'total') return 'in all'
  if (window.kind === 'rolling') return `in ${window.hours} hours`
  return window.kind === 'day' ? 'today' : `this ${window.kind}`
}

const dayMillis = 24 * 3_600_000

/** The day, or within a day the time, on the wall of the budget's time zone. */
function resetText(resetsAt: number, at: number, window: BudgetWindow): string {
  const timeZone = 'timeZone' in window ? window.timeZone : 'UTC'
  if (resetsAt - at > dayMillis) return new Intl.DateTimeFormat('en-US', { month: 'short', day: 'numeric', timeZone }).format(resetsAt)
  const time = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', timeZone }).format(resetsAt)
  return `${time} (${timeZone})`
}

/** The client knows three. */
function periodOf(window: BudgetWindow): 'daily' | 'weekly' | 'monthly' {
  if (window.kind === 'day' || (window.kind === 'rolling' && window.hours <= 24)) return 'daily'
  return window.kind === 'week' || (window.kind === 'rolling' && window.hours <= 168) ? 'weekly' : 'monthly'
}

function epochSeconds(millis: number): string {
  return String(Math.floor(millis / 1000))
}

/** What `GET /api/oauth/usage` answers: amounts in cents, shares in percent. The shape is the client's own (2.1.330). */
export function usageJson(statuses: readonly BudgetStatus[]): object {
  const money = statuses.filter(({ budget }) => budget.unit === 'nano-usd')
  const active = tightest(money)
  const limits = money.map((status) => ({
    kind: 'spend',
    group: periodOf(status.budget.window),
    percent: percentOf(status),
    resets_at: status.resetsAt === undefined ? null : new Date(status.resetsAt).toISOString(),
    severity: status.utilization >= 0.95 ? 'critical' : status.utilization >= 0.75 ? 'warning' : 'normal',
    is_active: status === active,
  }))
  if (active === undefined) return { limits }
  return {
    extra_usage: {
      is_enabled: true,
      monthly_limit: centsOf(active.amount),
      used_credits: centsOf(active.spent),
      utilization: percentOf(active),
      currency: 'USD',
    },
    limits,
  }
}

function percentOf({ utilization }: BudgetStatus): number {
  return Math.round(utilization * 100)
}

function centsOf(nanoUsd: bigint): number {
  return Number(nanoUsd / 10_000_000n)
}
