import type { Exchange } from '../exchange/exchange.ts'

/** Where an exchange goes. */
export interface Target {
  /** Name of a configured upstream. */
  readonly upstream: string
  /** The model to ask for in place of the client's: a splice of that one string. Absent keeps it. */
  readonly model?: string
}

/** Chooses a target. Sees what middleware added; may throw a GatewayError to refuse. */
export type Router<Needs extends object = object> = (exchange: Exchange<Needs>) => Target | Promise<Target>

/** Everything to one upstream. */
export function toUpstream(name: string): Router {
  const target: Target = { upstream: name }
  return () => target
}
