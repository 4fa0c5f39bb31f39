import type { Capability } from './case.ts'

/** Which header the client's credential travels in. */
export type AuthenticationHeader = 'x-api-key' | 'authorization' | 'both'

/** How a budget can be tried: a key of its own whose spending the gateway caps. */
export interface BudgetSetUp {
  /** The key whose calls count against the budget. */
  readonly key: string
  /**
   * The cap in US dollars. The suite's calls are of `claude-sonnet-4-5`, and the upstream reports 1,000 input and 1,000 output tokens for each:
   * 0.018 dollars at list price.
   */
  readonly capUsd: number
}

/** The gateway under test, as it was set up by whoever started the suite. */
export interface Target {
  /** Where clients send to: what would be `ANTHROPIC_BASE_URL`. A path in it is kept. */
  readonly url: string
  /** For reports. */
  readonly name?: string
  readonly version?: string
  /** What the client authenticates with. Without one, cases about keys are skipped, and a key of no worth is sent. */
  readonly key?: string
  /** @defaultValue `'x-api-key'` */
  readonly authenticationHeader?: AuthenticationHeader
  /** Headers that this gateway wants on every request. */
  readonly headers?: readonly (readonly [string, string])[]
  /** The credential that the gateway is set up to send upstream instead of the client's. Without one, cases about swapping are skipped. */
  readonly upstreamKey?: string
  /** Called once, before the first case about budgets. Without it, those are skipped. */
  readonly prepareBudget?: () => Promise<BudgetSetUp>
}

/** What the target was set up for. */
export function capabilitiesOf(target: Target): ReadonlySet<Capability> {
  const capabilities = new Set<Capability>()
  if (target.key !== undefined) capabilities.add('authentication')
  if (target.upstreamKey !== undefined) capabilities.add('credential-swap')
  if (target.prepareBudget !== undefined) capabilities.add('budget')
  return capabilities
}
