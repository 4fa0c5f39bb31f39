import type { EstimateSource } from '../exchange/estimates.ts'
import type { Exchange } from '../exchange/exchange.ts'
import type { Reply } from '../exchange/reply.ts'

/** Where an exchange goes. */
export interface Target {
  /** Name of a configured upstream. */
  readonly upstream: string
  /** The model to ask for in place of the client's: a splice of that one string. Absent keeps it. */
  readonly model?: string
  /** `anthropic-beta` tokens to leave out, since what they belong to was taken out of the body. Absent: all of them cross. */
  readonly dropBetas?: readonly string[]
  /** How long to wait for its head before the next target is asked, within the deadline that all targets share. Absent: its upstream's `deadlines.headMillis`. */
  readonly headMillis?: number
}

/**
 * Targets in the order that they are to be tried in. Never empty. The next is asked only where the one before cannot be reached, gives no head in time, or answers
 * 429, 500, 502, 503, 504 or 529; all of them before the client has got a byte, and within one deadline: `deadlines.headMillis` of the first one's upstream.
 */
export interface Plan {
  readonly targets: readonly [Target, ...Target[]]
}

/**
 * Chooses where an exchange goes. Sees what middleware added; may declare patches; may throw a GatewayError to refuse. What it can answer by itself, it returns the
 * answer to; no upstream is asked then.
 */
export interface Router<Needs extends object = object> {
  (exchange: Exchange<Needs>): Target | Plan | Reply | Promise<Target | Plan | Reply>
  /** What estimates are to go by, where it asks for them; see {@link Middleware.estimates}. Hand it on where you wrap a router. @defaultValue none */
  readonly estimates?: EstimateSource
}

/** Everything to one upstream. */
export function toUpstream(name: string): Router {
  const target: Target = { upstream: name }
  return () => target
}

/** What a router chose, as a plan. */
export function toPlan(chosen: Target | Plan): Plan {
  return 'targets' in chosen ? chosen : { targets: [chosen] }
}
