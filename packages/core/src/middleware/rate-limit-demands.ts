import { spendFacts } from '../budget/spend-facts.ts'
import { isCovered, type SpendFacts } from '../budget/subjects.ts'
import type { Exchange } from '../exchange/exchange.ts'
import type { RateLimit } from '../ports/rate-book.ts'
import type { RateDemand } from '../rates/rate-stages.ts'

/** What limits cover an exchange, and whom lines take turns between. */
export interface ExchangeDemands {
  readonly demands: readonly RateDemand[]
  readonly group: string
}

/** Finds the limits that cover an exchange, and the bucket or room that each is counted in for it. Reads the body only where a limit goes by the model. */
export async function demandsOf(exchange: Exchange, limits: readonly RateLimit[]): Promise<ExchangeDemands> {
  const isByModel = limits.some(({ subject }) => subject.model !== undefined)
  // A body that cannot be read is refused where it is sent.
  const body = isByModel ? await exchange.body().catch(() => undefined) : undefined
  const facts = spendFacts(exchange.context, body?.string('model'))
  // Of a repeated model the upstream might take another than the last.
  const isAnyModel = body !== undefined && body.members('model').length > 1
  const covering = limits.filter(({ id, subject }) => isCovered({ id, subject }, { ...facts, isAnyModel, budgets: [] }))
  const demands = covering.flatMap((limit): RateDemand[] => {
    // A client that tells no session is none, and cannot have too many of them.
    const holder = limit.unit === 'sessions' ? facts.session : exchange.id
    return holder === undefined ? [] : [{ limit, name: nameOf(limit, facts), holder }]
  })
  return { demands, group: `${facts.keyId ?? ''}\n${facts.session ?? ''}` }
}

/** A limit that changes what it counts, or for whom, begins anew. Ids hold no line breaks, so no two limits share a name. */
function nameOf({ id, unit, each }: RateLimit, facts: SpendFacts): string {
  return each === 'all' ? `${id}\n${unit}` : `${id}\n${unit}\n${each}\n${whoseOf(each, facts)}`
}

/** Whoever cannot be told apart is counted together: those without a session by their key, those without a key by what they call themselves. */
function whoseOf(each: Exclude<RateLimit['each'], 'all'>, { keyId, developer, session }: SpendFacts): string {
  const key = keyId ?? developer ?? ''
  if (each === 'key') return key
  if (each === 'developer') return developer ?? key
  return session === undefined ? key : `${key}\n${session}`
}
