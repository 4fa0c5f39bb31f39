import type { ClientCall, ClientReply, ClientRequest } from './client/client-call.ts'
import type { RawConnection } from './client/raw-connection.ts'
import type { Header } from './headers.ts'
import type { BudgetSetUp, Target } from './target.ts'
import type { Lane, UpstreamScript } from './upstream/lane.ts'

/**
 * What is at stake. `must`: Claude Code or an official SDK breaks, money is counted wrongly, or a secret gets out. `should`: something is lost that
 * people rely on. `may`: manners.
 */
export type Severity = 'must' | 'should' | 'may'

/** Every severity, gravest first. */
export const SEVERITIES: readonly Severity[] = ['must', 'should', 'may']

/** What a target has to be set up for, so that a case can be run at all. */
export type Capability = 'authentication' | 'credential-swap' | 'budget'

/** What cases are about: the order of this list is the order of reports. */
export const GROUPS = [
  'request-bytes',
  'request-headers',
  'response-bytes',
  'response-headers',
  'streaming',
  'errors',
  'upstream-faults',
  'aborts',
  'retries',
  'heartbeat',
  'back-pressure',
  'sizes',
  'encodings',
  'count-tokens',
  'models',
  'other-endpoints',
  'claude-code',
  'thinking-and-tools',
  'authentication',
  'http',
  'concurrency',
  'budgets',
  'gateway-protocol',
] as const

/** One of {@link GROUPS}. */
export type Group = (typeof GROUPS)[number]

/** How a target did in one case. `detail` is one line, and says what was seen. */
export type Verdict =
  | { readonly verdict: 'pass' }
  | { readonly verdict: 'fail'; readonly detail: string }
  | { readonly verdict: 'skip'; readonly detail: string }
  | { readonly verdict: 'error'; readonly detail: string }

/** What a case works with. It is made for one run of one case, and whatever is still open at the end is closed by who made it. */
export interface CaseContext {
  readonly target: Target
  /** How long something may take that has to happen, in milliseconds. */
  readonly patienceMillis: number
  /** How long is waited for something that must not happen, in milliseconds. */
  readonly graceMillis: number
  /** Tells the upstream what to do with requests that carry the lane's id. A case may open several. */
  readonly lane: (script: UpstreamScript) => Lane
  /** Sends a request through the gateway. Resolves with its head; the body is read from the reply. */
  readonly send: (request: ClientRequest) => Promise<ClientReply>
  /** The same, for cases that give up before the head comes. */
  readonly call: (request: ClientRequest) => ClientCall
  /** The headers that a client of this target sends for a lane, credential included: for bare connections. */
  readonly clientHeaders: (request: ClientRequest) => readonly Header[]
  /** The request target that a client of this gateway sends for a path. */
  readonly pathOf: (path: string) => string
  /** The cap that was set up for cases about budgets. Rejects where the target has none. */
  readonly budget: () => Promise<BudgetSetUp>
  /** Opens a bare connection to the gateway, for what no HTTP client would send. */
  readonly connect: () => Promise<RawConnection>
  /** Until `resume`, the upstream takes no connection, and those it had are gone: what a gateway sees of an upstream that is down. */
  readonly upstreamDown: () => Promise<{ readonly resume: () => Promise<void> }>
  /** Requests that reached the upstream and belong to no lane. */
  readonly strays: () => number
}

/** One requirement, and how it is tried. Cases know nothing of the gateway under test. */
export interface ConformanceCase {
  /** Short, stable, and unique: what `--only` takes. */
  readonly id: string
  readonly group: Group
  /** A sentence that is true of a gateway that passes. */
  readonly title: string
  /** What is asked, and why. */
  readonly requirement: string
  /** Where that is from: a public issue, the vendor's documentation, a standard, or what Claude Code was measured to do. */
  readonly source: string
  readonly severity: Severity
  readonly needs?: readonly Capability[]
  /** Whether the upstream misbehaves so that a gateway may rest it for a while: the runner waits until the gateway forwards again. */
  readonly disturbs?: boolean
  /** Never rejects for what the gateway did: that is a verdict. */
  readonly run: (context: CaseContext) => Promise<Verdict>
}
