import { GatewayError } from '../errors.ts'
import { systemClock, type Clock } from '../host.ts'
import { checkNetwork } from '../keys/check-network.ts'
import type { LocalRoute } from '../local-routes.ts'
import type { BudgetBook } from '../ports/budget-book.ts'
import type { CredentialVerifier, Principal } from '../ports/key-ring.ts'
import { presentedCredentials } from '../wire/credentials.ts'
import { BudgetDesk } from './budget-desk.ts'
import { spendFacts } from './spend-facts.ts'
import { usageJson } from './told.ts'

/** Options of {@link usageRoute}. */
export interface UsageRouteOptions {
  readonly keys: CredentialVerifier
  readonly book: BudgetBook
  /** @defaultValue systemClock */
  readonly clock?: Clock
}

/**
 * `GET /api/oauth/usage`, where Claude Code reads how much of its budget is used when it is signed in to a gateway: the budgets in money that cover the key,
 * the tightest of them as the active one. 404, which the client takes for "no limits", where none does; budgets that need a model or a session are left out.
 */
export function usageRoute({ keys, book, clock = systemClock }: UsageRouteOptions): LocalRoute {
  const desk = new BudgetDesk({ book, clock, onFault: () => undefined, refreshMillis: 5_000, answerMillis: 2_000 })
  return {
    method: 'GET',
    path: '/api/oauth/usage',
    answer: async ({ headers, remoteAddress }) => {
      let principal: Principal | undefined
      for (const { value } of presentedCredentials(headers)) principal ??= await keys.verify(value)
      if (principal === undefined) throw new GatewayError('invalid-credential', 'The key is not known to this gateway. Ask its operator for a new one.')
      checkNetwork(remoteAddress, principal)
      const pots = (await desk.pots(spendFacts({ principal }, undefined), clock.now())).filter(({ budget }) => budget.unit === 'nano-usd')
      if (pots.length === 0) return { status: 404, body: '{"type":"error","error":{"type":"not_found_error","message":"No budget covers this key."}}' }
      return { status: 200, body: JSON.stringify(usageJson(await desk.statuses(pots))) }
    },
  }
}
