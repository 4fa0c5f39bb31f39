import type { EstimateSource } from '../exchange/estimates.ts'
import type { Exchange } from '../exchange/exchange.ts'
import type { Reply } from '../exchange/reply.ts'
import type { Runtime } from '../ports/runtime.ts'
import type { UpstreamCredential } from '../route/upstream-credential.ts'

/** What a middleware may know of the gateway that it is added to. */
export interface GatewayShape {
  readonly upstreams: readonly { readonly name: string; readonly credentialMode: UpstreamCredential['mode'] }[]
  /** The runtime's, where it lends them. */
  readonly keyedHash?: Runtime['keyedHash']
}

/**
 * Decides about an exchange before it is sent: may refuse it, add typed context, declare patches, observers and gates.
 * Never sees the stream; the reply that `next` resolves with is a head.
 *
 * @typeParam Needs - context that earlier middleware must have added
 * @typeParam Adds - context that this one adds
 */
export interface Middleware<Needs extends object = object, Adds extends object = object> {
  /** Named in faults. */
  readonly name: string
  /** The keys of what it adds; two middlewares that add the same key are refused when the gateway is built. */
  readonly adds?: readonly (keyof Adds & string)[]
  /** Called once when it is added to a gateway. @throws ConfigurationError where it does not go with the gateway's upstreams */
  readonly check?: (gateway: GatewayShape) => void
  /** What estimates are to go by, where it asks for them: `promptEstimates()`. Counts where the gateway's options, and what was added before, name none. @defaultValue none */
  readonly estimates?: EstimateSource
  /** A property, not a method, so that the order of middleware is type-checked. */
  readonly handle: (exchange: Exchange<Needs>, next: Next<Adds>) => Promise<Reply>
}

/** Goes on to the rest of the gateway; to be called at most once. Resolves with the reply's head. */
export type Next<Adds extends object> = (adds: Adds) => Promise<Reply>
