import {
  sessionAffine,
  type Exchange,
  type Fault,
  type Ledger,
  type Plan,
  type PolicyShelf,
  type Pricing,
  type Reply,
  type Router,
  type Target,
} from '@sluice/core'
import { policyRouter, recallFromLedger, type PolicyRouter } from '@sluice/core/policy'
import type { Balance } from './routing-setting.ts'
import { shelfWatch } from './shelf-watch.ts'
import { standIns } from './stand-ins.ts'

/** What decides where exchanges go. */
export interface RoutingParts {
  /** Names of the upstreams, in order. At least one. */
  readonly upstreams: readonly string[]
  readonly balance: Balance
  /** How long a silent upstream is waited for while there is another. @defaultValue the whole deadline */
  readonly failoverMillis?: number
  readonly shelf: PolicyShelf
  readonly ledger: Ledger
  readonly pricing?: Pricing
  readonly region?: string
  readonly onFault: (fault: Fault) => void
  /** True where the shelf was just seen to have nothing: until it has, no request is looked at for a policy. @defaultValue false */
  readonly isShelfEmpty?: boolean
  /** Milliseconds, from any beginning. */
  readonly now: () => number
}

/** The router of `sluice start`, and what can be asked of it. */
export interface Routing {
  readonly router: Router
  /** Fetches the policy from the shelf now. Never rejects. */
  readonly refresh: () => Promise<void>
  readonly inForce: PolicyRouter['inForce']
}

/**
 * The policy decides; the other upstreams stand by, as far as the policy leaves that open ({@link standIns}). With `by-session` each session has an upstream of its own, where its cache is, and the policy decides as if that were the first.
 */
export function routingOf(parts: RoutingParts): Routing {
  const { upstreams, balance, ledger, shelf, pricing, region, failoverMillis, now } = parts
  const onFault = onceEach(parts.onFault)
  const policies = shelfWatch({ shelf, isEmpty: parts.isShelfEmpty ?? false, now, onFault })
  const homes = balance === 'by-session' ? upstreams : upstreams.slice(0, 1)
  const routers = new Map(
    homes.map((upstream) => [
      upstream,
      policyRouter({
        upstream,
        upstreams,
        shelf,
        recall: recallFromLedger(ledger),
        onFault,
        ...(pricing !== undefined && { pricing }),
        ...(region !== undefined && { region }),
      }),
    ]),
  )
  const [first] = routers.values()
  if (first === undefined) throw new Error('there is no upstream')
  const orderOf = balance === 'by-session' ? sessionOrder(upstreams) : () => upstreams
  return {
    router: async (exchange) => {
      const order = await orderOf(exchange)
      const [home = ''] = order
      if (policies.isEmpty()) return withPatience(withFallbacks({ targets: [{ upstream: home }] }, mayFallBack(exchange) ? order.slice(1) : []), failoverMillis)
      const router = routers.get(home) ?? first
      const before = router.inForce()?.policy
      const chosen = await router(exchange)
      if ('kind' in chosen) return chosen
      const plan = toPlan(chosen)
      // A policy that came into force meanwhile may not be the one that the exchange was routed by: both have their say.
      const others = mayFallBack(exchange) ? standIns(router.inForce()?.policy, plan, standIns(before, plan, order)) : []
      return withPatience(withFallbacks(plan, others), failoverMillis)
    },
    refresh: async () => {
      await policies.look()
      if (!policies.isEmpty()) await Promise.all([...routers.values()].map((router) => router.refresh()))
    },
    inForce: () => first.inForce(),
  }
}

/** A router's choice as a plan. An answer of its own is none, and is dealt with before. */
function toPlan(chosen: Target | Plan): Plan {
  return 'targets' in chosen ? chosen : { targets: [chosen] }
}

const modelPaths: ReadonlySet<string> = new Set(['/v1/messages', '/v1/messages/count_tokens'])

function isOfModel({ method, target }: Exchange): boolean {
  return method === 'POST' && modelPaths.has(target.path)
}

/** Files and batches live in one workspace: another one does not know them. */
function mayFallBack(exchange: Exchange): boolean {
  return isOfModel(exchange) || (exchange.method === 'GET' && exchange.target.path === '/v1/models')
}

/** The upstreams in a session's own order; for what is not asked of a model the first one is everybody's. */
function sessionOrder(upstreams: readonly string[]): (exchange: Exchange) => Promise<readonly string[]> {
  const affine = sessionAffine({ targets: upstreams.map((upstream) => ({ upstream })) })
  return async (exchange) => (isOfModel(exchange) ? namesIn(await affine(exchange)) : upstreams)
}

function namesIn(chosen: Target | Plan | Reply): readonly string[] {
  return 'kind' in chosen ? [] : toPlan(chosen).targets.map(({ upstream }) => upstream)
}

function withFallbacks(plan: Plan, others: readonly string[]): Plan {
  const { targets } = plan
  return others.length === 0 ? plan : { targets: [targets[0], ...others.map((upstream) => ({ ...targets[0], upstream }))] }
}

/** The last one is waited for to the end: there is nothing to go on to. */
function withPatience(plan: Plan, headMillis: number | undefined): Plan {
  if (headMillis === undefined || plan.targets.length === 1) return plan
  const targets = plan.targets.map((target, index) => (index < plan.targets.length - 1 ? { headMillis, ...target } : target))
  return { ...plan, targets: targets as unknown as Plan['targets'] }
}

/** Several routers see the same document and the same outage; the operator is told once. */
function onceEach(onFault: (fault: Fault) => void): (fault: Fault) => void {
  let last: string | undefined
  return (fault) => {
    const said = `${fault.code} ${fault.message}`
    // A fault of one exchange is always told; what is said of the shelf or a document, once.
    if (fault.exchangeId === undefined && said === last) return
    last = said
    onFault(fault)
  }
}
