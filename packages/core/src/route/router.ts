import type { Exchange } from '../exchange/exchange.ts'

/** Where an exchange goes. */
export interface Target {
  /** Name of a configured upstream. */
  readonly upstream: string
  /** The model to ask for in place of the client's: a splice of that one string. Absent keeps it. */
  readonly model?: string
  /** `anthropic-beta` tokens to leave out, since what they belong to was taken out of the body. Absent: all of them cross. */
  readonly dropBetas?: readonly string[]
}

/** Targets in the order that they are to be tried in. Never empty. Today the first is used: the others are for failover. */
export interface Plan {
  readonly targets: readonly [Target, ...Target[]]
}

/** Chooses where an exchange goes. Sees what middleware added; may declare patches; may throw a GatewayError to refuse. */
export type Router<Needs extends object = object> = (exchange: Exchange<Needs>) => Target | Plan | Promise<Target | Plan>

/** Everything to one upstream. */
export function toUpstream(name: string): Router {
  const target: Target = { upstream: name }
  return () => target
}

/** What a router chose, as a plan. */
export function toPlan(chosen: Target | Plan): Plan {
  return 'targets' in chosen ? chosen : { targets: [chosen] }
}
