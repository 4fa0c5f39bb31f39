import type { Settlement } from '../entry/settlement.ts'
import { ConfigurationError, GatewayError, type Fault } from '../errors.ts'
import { systemClock, type Clock } from '../host.ts'
import type { RateBook, RateLimit } from '../ports/rate-book.ts'
import { rateLimitOf, type RateLimitInput } from '../rates/check-limit.ts'
import { StoreGuard } from '../rates/store-guard.ts'
import { LimitShelf } from '../rates/limit-shelf.ts'
import { RateCounters } from '../rates/rate-counters.ts'
import { Turnstile } from '../rates/turnstile.ts'
import { WaitingLines } from '../rates/waiting-lines.ts'
import type { Middleware } from './middleware.ts'
import { demandsOf } from './rate-limit-demands.ts'
import { rateRefusal } from './rate-limit-refusal.ts'

/** Options of {@link rateLimit}. One of `book` and `limits` is needed. */
export interface RateLimitOptions {
  /** Where `shared` and `leased` limits are counted, and where limits come from unless `limits` is given. @defaultValue none: only `local` limits */
  readonly book?: RateBook
  /** Limits that are fixed, in place of those that the book keeps. @defaultValue those of the book, looked up anew at least every 5 seconds */
  readonly limits?: readonly RateLimitInput[]
  /** What becomes of exchanges while the book cannot be asked. A limit is a protection and no money: unless told otherwise they go on. @defaultValue 'allow' */
  readonly whenUnavailable?: 'allow' | 'refuse'
  /** How many exchanges may stand in one line, in this process; who comes then is refused at once. @defaultValue 100 */
  readonly maxWaiting?: number
  /** Pass the host's, where it has its own. @defaultValue systemClock */
  readonly clock?: Clock
  /** From 0 up to 1; spreads the times at which replicas look for a place. @defaultValue Math.random */
  readonly random?: () => number
  /** Told once of an outage of the book, and of its end. @defaultValue nobody */
  readonly onFault?: (fault: Fault) => void
}

/** Defaults of {@link RateLimitOptions}. */
export const defaultRateLimitOptions: { readonly whenUnavailable: 'allow' | 'refuse'; readonly maxWaiting: number } = Object.freeze({
  whenUnavailable: 'allow',
  maxWaiting: 100,
})

/**
 * Holds exchanges to rate limits: every limit that covers one must have room for it, and a refused one takes nothing. Only `POST /v1/messages` counts.
 * Goes after `authenticate` and `attribute`, whose principal and attribution it takes where they are there.
 *
 * What is counted: `requests` one each, before sending. `fresh-input-tokens` (what the upstream read anew or wrote to its cache; cache reads are free),
 * `output-tokens` and `nano-usd` as they turn out in the end: an exchange is let in while one is left, and its bucket may go into debt by what is under way.
 * `concurrency` from here to settlement. `sessions` for `perMillis` after their last request.
 *
 * How exact a limit is, by its consistency, for N replicas over any stretch T: `shared` lets through at most amount + amount * T / perMillis in all; `leased` no more
 * than that either, a tenth of the amount less at once, and up to a tenth less for each replica that holds a portion; `local` up to N times as much.
 * Places are exact with `leased` too. In an outage with `whenUnavailable: 'allow'` only `local` limits hold.
 *
 * @throws ConfigurationError for an option that will not do
 */
export function rateLimit(options: RateLimitOptions): Middleware {
  const { book, clock = systemClock, random = Math.random, onFault = () => undefined } = options
  const whenUnavailable = options.whenUnavailable ?? defaultRateLimitOptions.whenUnavailable
  const guard = new StoreGuard(clock, onFault)
  const currentLimits = limitSource(options, guard, clock)
  const lines = new WaitingLines(clock, lineLength(options))
  const counters = new RateCounters({ clock, guard, book, whenUnavailable, onFree: (name) => lines.wake(name) })
  const turnstile = new Turnstile(clock, random, counters, lines)
  return {
    name: 'rate-limit',
    handle: async (exchange, next) => {
      const { method, target, signal } = exchange
      if (method !== 'POST' || target.path !== '/v1/messages') return next({})
      const limits = await currentLimits()
      if (limits === undefined && whenUnavailable === 'refuse') throw limitsUnknown()
      if (limits === undefined || limits.length === 0) return next({})
      const { demands, group } = await demandsOf(exchange, limits)
      if (demands.length === 0) return next({})
      const passage = await turnstile.pass({ demands, group, signal })
      if (passage.kind === 'turned-away') throw rateRefusal(passage)
      exchange.onSettled((settlement) => passage.settle((limit) => usedOf(limit, settlement)))
      return next({})
    },
  }
}

/** What an exchange came to, in a limit's unit. Iterations that the reply's own usage leaves out count too. */
function usedOf({ unit }: RateLimit, { usage, cost }: Settlement): number {
  if (unit === 'nano-usd') return Number(cost.nanoUsd)
  let tokens = 0
  for (const line of usage.lines) {
    tokens += unit === 'output-tokens' ? line.outputTokens : line.freshInputTokens + line.cacheWrite5mTokens + line.cacheWrite1hTokens
  }
  return unit === 'requests' ? 1 : tokens
}

function limitSource(
  { book, limits, onFault = () => undefined }: RateLimitOptions,
  guard: StoreGuard,
  clock: Clock,
): () => Promise<readonly RateLimit[] | undefined> {
  if (limits === undefined) {
    if (book === undefined) throw new ConfigurationError('rateLimit', 'has neither a book nor limits. Give it a book that keeps limits, or a list of limits.')
    const shelf = new LimitShelf(book, guard, clock, onFault)
    return () => shelf.current()
  }
  const fixed = limits.map((limit, index) => rateLimitOf(limit, `limits[${index}]`))
  for (const [index, { id, consistency }] of fixed.entries()) {
    if (fixed.findIndex((limit) => limit.id === id) !== index) throw new ConfigurationError(`limits[${index}].id`, `"${id}" is given twice.`)
    if (consistency !== 'local' && book === undefined)
      throw new ConfigurationError(`limits[${index}].consistency`, `"${consistency}" needs a book to count in. Give one, or use "local".`)
  }
  return () => Promise.resolve(fixed)
}

function lineLength({ maxWaiting = defaultRateLimitOptions.maxWaiting }: RateLimitOptions): number {
  if (!Number.isSafeInteger(maxWaiting) || maxWaiting < 0)
    throw new ConfigurationError('rateLimit.maxWaiting', `${maxWaiting} is not a whole number, such as 100.`)
  return maxWaiting
}

function limitsUnknown(): GatewayError {
  return new GatewayError('rate-limited', 'The rate limits of this gateway cannot be looked up at the moment. Try again in 5 seconds.', {
    status: 503,
    type: 'overloaded_error',
    retryAfterSeconds: 5,
  })
}
