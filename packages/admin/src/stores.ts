import type { AuditLog, AuditTrail, BudgetBook, KeyRing, Ledger, PolicyShelf, Pricing, RateBook, ScopeTree, VirtualKeys } from '@sluice/core'
import type { ChangeRecorder } from './change.ts'

/** What the admin API reads and changes. */
export interface AdminStores {
  readonly ledger: Ledger
  /** Issues, rotates and revokes: made of the same ring, so that what this gateway has cached bites at once. */
  readonly keys: VirtualKeys
  readonly keyRing: KeyRing
  readonly scopes: ScopeTree
  readonly budgets: BudgetBook
  readonly rates: RateBook
  readonly audit: AuditLog
  /** Where routing policies are published. Without it, the routes of policies answer 404. */
  readonly policies?: PolicyShelf
}

/** What a gateway says of itself at `GET /admin/v1/gateway`. */
export interface AdminGatewayJson {
  readonly version: string
  /** How it tells who asks: not at all, by keys of its own, or by leaving it to the upstream, which checks the client's own credential. */
  readonly authentication: 'none' | 'key' | 'client-credential'
  /** Its upstream is scripted: any credential will do there, and nothing is spent. */
  readonly isRehearsal: boolean
}

/** What routes are made from. */
export interface AdminParts {
  readonly stores: AdminStores
  readonly changes: ChangeRecorder
  readonly trail: Pick<AuditTrail, 'verify'>
  readonly now: () => number
  readonly timeZone: string
  readonly gateway: AdminGatewayJson
  /** Names of the configured upstreams, where they are known: a policy may name no other. */
  readonly upstreams: readonly string[] | undefined
  /** The gateway's own prices; undefined where it has none but the list's. */
  readonly pricing: Pricing | undefined
  readonly onPolicyPublished: () => Promise<void>
  /** Lets others have their turn, within a long computation. */
  readonly pause: () => Promise<void>
}
