import { cacheWatch } from '@sluice/admin'
import {
  attribute,
  authenticate,
  budget,
  createGateway,
  leasedBudgetBook,
  newExchangeId,
  rateLimit,
  staticKeys,
  systemClock,
  usageRoute,
  type AttemptOptions,
  type BudgetMiddleware,
  type CredentialVerifier,
  type DigestAlgorithm,
  type Fault,
  type Gateway,
  type Router,
  upstreamHealth,
  type LeasedBudgetBook,
  type LedgerEntry,
  type Pricing,
  type Runtime,
  type StaticKey,
  type UpstreamOptions,
  type VirtualKeys,
} from '@sluice/core'
import { cacheAlarmText } from '../gateway/cache-alarm-text.ts'
import type { SluiceConfig } from './config-file.ts'
import { bothKeys, recogniseKeys, withoutIssuedKeys } from './gateway-keys.ts'
import { loopbackClientsOnly } from './open-guard.ts'
import type { OpenStore } from './open-store.ts'
import type { StartPlan } from './plan.ts'
import type { StartLog } from './start-log.ts'
import { within } from './within.ts'

/** What a gateway is put together from. */
export interface GatewayParts {
  readonly runtime: Runtime
  readonly plan: StartPlan
  readonly config: SluiceConfig
  readonly upstreams: readonly UpstreamOptions[]
  readonly router: Router
  readonly pricing: Pricing | undefined
  /** How often upstreams are asked for one request; their health is added here. */
  readonly attempts: AttemptOptions
  /** Keys that are let in besides those that were issued. */
  readonly configuredKeys: readonly StaticKey[]
  readonly issuedKeys: VirtualKeys
  readonly store: OpenStore
  readonly log: StartLog
  readonly maxBodyBytes: number | undefined
  readonly digest: DigestAlgorithm | undefined
}

/** A gateway, and what is left to do once it has drained. */
export interface BuiltGateway {
  readonly gateway: Gateway
  /** Delivers what waits for a store that was out. Resolves with how many settlements still do. */
  readonly flush: () => Promise<number>
}

/** The place where the gateway of `sluice start` is put together: who, whose, how fast, how much, your own, and what it cost. */
export function gatewayOf(parts: GatewayParts): BuiltGateway {
  const { plan, config, store, log, issuedKeys, configuredKeys } = parts
  const onFault = (fault: Fault): void => log.fault(fault)
  const keys: CredentialVerifier = configuredKeys.length === 0 ? issuedKeys : bothKeys(staticKeys(configuredKeys), issuedKeys)
  // Each decision on PostgreSQL is a round trip, and a hot budget one row: leases take both off the way of exchanges.
  const leased =
    store.kind === 'postgres'
      ? leasedBudgetBook({ book: store.budgets, clock: systemClock, owner: newExchangeId(systemClock.now()), onFailure: (cause) => onFault(leaseFault(cause)) })
      : undefined
  const holding = budget(leased ?? store.budgets, {
    onFault,
    onThreshold: ({ budget: { id, name }, percent }) => log.notice(`Budget ${id} ("${name}") has passed ${percent} %.`),
  })
  let gateway: Gateway = createGateway({
    runtime: parts.runtime,
    upstreams: parts.upstreams.map((upstream) => ({ ...upstream, credential: withoutIssuedKeys(upstream.credential, issuedKeys) })),
    host: { onFault },
    routes: [usageRoute({ keys, book: store.budgets })],
    ...(parts.pricing !== undefined && { pricing: parts.pricing }),
    attempts: {
      ...parts.attempts,
      // With a single upstream there is nothing to prefer.
      ...(parts.upstreams.length > 1 && { health: upstreamHealth() }),
    },
    ...(config.egressHosts !== undefined && { egressHosts: config.egressHosts }),
    ...(parts.maxBodyBytes !== undefined && { maxBodyBytes: parts.maxBodyBytes }),
    ...(parts.digest !== undefined && { digest: parts.digest }),
  })
  if (plan.access.kind === 'open') gateway = gateway.use(loopbackClientsOnly())
  const asksForKey = plan.access.kind === 'keys' || plan.access.kind === 'generated' || plan.access.kind === 'issued'
  gateway = asksForKey ? gateway.use(authenticate(keys, { mode: plan.credential })) : gateway.use(recogniseKeys(issuedKeys))
  gateway = gateway
    .use(attribute())
    .use(rateLimit({ book: store.rates, onFault }))
    .use(holding)
  for (const middleware of config.middleware ?? []) gateway = gateway.use(middleware)
  gateway = gateway.route(parts.router)
  const caches = cacheWatch({
    onAlarm: (alarm) => log.notice(cacheAlarmText(alarm)),
    ...(parts.pricing !== undefined && { pricing: parts.pricing }),
  })
  const logged = {
    append: (entry: LedgerEntry) => {
      log.exchange(entry)
      caches.see(entry)
      return Promise.resolve()
    },
    report: nothing,
    exchanges: nothing,
  }
  return { gateway: gateway.record(logged).record(store.ledger), flush: () => flushed(holding, leased, onFault) }
}

/** How long giving leases back may take. */
const leasesMillis = 5_000

/** Delivers what waits, and gives leases back; what cannot be given back is booked when it expires. */
async function flushed(holding: BudgetMiddleware, leased: LeasedBudgetBook | undefined, onFault: (fault: Fault) => void): Promise<number> {
  const waiting = await holding.flush()
  if (leased !== undefined) await within(leasesMillis, leased.stop()).catch((cause: unknown) => onFault(keptLeasesFault(cause)))
  return waiting
}

function leaseFault(cause: unknown): Fault {
  return { code: 'budget-book-failed', message: 'leases could not be renewed or given back; it is tried again', source: 'budget', cause }
}

function keptLeasesFault(cause: unknown): Fault {
  return { code: 'budget-book-failed', message: 'leases could not be given back; what they hold is booked within a minute', source: 'budget', cause }
}

const nothing = (): Promise<readonly never[]> => Promise.resolve([])
