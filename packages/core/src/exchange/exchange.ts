import type { RouteRecord } from '../entry/route-record.ts'
import type { Settlement } from '../entry/settlement.ts'
import type { GatewayError } from '../errors.ts'
import type { Cost } from '../meter/price.ts'
import type { UsageReport } from '../meter/usage.ts'
import type { Gate } from '../relay/gate.ts'
import type { Observer } from '../relay/observer.ts'
import type { HeaderList } from '../wire/header-list.ts'
import type { RequestTarget } from '../wire/request-target.ts'
import type { Patch } from './patch.ts'
import type { RequestBody } from './request-body.ts'

/** Why an exchange was aborted. */
export type AbortKind = 'client' | 'deadline' | 'shutdown' | 'cut'

/** Called once with the settlement. A promise is waited for, so that what it books is part of the exchange. */
export type SettledCallback = (settlement: Settlement) => void | Promise<void>

/** A target, as {@link TargetCheck} is asked about it. */
export interface CheckedTarget {
  /** Name of the upstream. */
  readonly upstream: string
  /** The model that it will be asked for. */
  readonly model: string
}

/** Asked before a target gets a message for another model than the client asked for. Throws a GatewayError to have that target left out. */
export type TargetCheck = (target: CheckedTarget) => Promise<void>

/**
 * One client request on its way to one settlement. Middleware reads from it, adds to its context, and declares what it wants done;
 * it never holds the stream.
 */
export interface Exchange<out Context extends object = object> {
  readonly id: string
  /** Milliseconds since the epoch. */
  readonly startedAt: number
  readonly method: string
  readonly target: RequestTarget
  /** Every request header, as received, credentials included: never log them. */
  readonly headers: HeaderList
  readonly remoteAddress: string | undefined
  /** What earlier middleware added. */
  readonly context: Readonly<Context>
  /** Aborted when the client leaves, a deadline passes, or the gateway shuts down. */
  readonly signal: AbortSignal
  /**
   * The whole body, read on first call; gone once the upstream has answered, also for who holds it: read it before `next()`.
   * @throws GatewayError where it is too large, compressed, or breaks off
   */
  readonly body: () => Promise<RequestBody>
  /** Declares a change of the request body, spans measured in the client's bytes. Recorded in the settlement. @throws Error once the request was sent */
  readonly patch: (patch: Patch) => void
  readonly observe: (observer: Observer) => void
  readonly gate: (gate: Gate) => void
  /** Has targets checked for which the router chose another model: each right before it is asked, so that what holds for the model asked for holds for its fallback. */
  readonly checkTargets: (check: TargetCheck) => void
  /** Runs exactly once, whatever happens; last registered first. @throws Error after settlement */
  readonly onSettled: (callback: SettledCallback) => void
  /** Sets a header of the reply, in place of the upstream's of that name and of what was set before. */
  readonly setReplyHeader: (name: string, value: string) => void
  /** Keeps back the upstream's reply headers whose name starts so (lower case), for headers that the gateway speaks for itself. */
  readonly dropReplyHeaders: (prefix: string) => void
  /** Ends the exchange with an error of the gateway's own: before the reply as a refusal, within a stream as its last event. Does nothing once it is over. */
  readonly cut: (error: GatewayError) => void
  /**
   * What the request will use and cost, as far as can be known before: for reservations. Reads the body; one answer per exchange. For other routes than
   * `/v1/messages` it is nothing. How good it is depends on the gateway's `estimates`.
   * @throws GatewayError as `body` does
   */
  readonly estimate: () => Promise<SpendEstimate>
  /** Prices usage as the settlement will: for gates that count as a reply comes in. */
  readonly price: (usage: UsageReport) => Cost
  /** Says why the exchange goes where it goes: for routers. It stands in the settlement; a later record takes the place of an earlier one. */
  readonly explainRoute: (record: RouteRecord) => void
}

/** What a request will probably cost, and at most. */
export interface SpendEstimate {
  /** What such requests came to of late; good for nine in ten. */
  readonly likely: PricedUsage
  /** More than it can come to, but for what server tools read. Reads the whole body; to be asked before `next()`. */
  readonly most: () => PricedUsage
  /** The same request at another model, by its prices and by what such requests came to there. */
  readonly withModel: (model: string) => SpendEstimate
}

/** Usage, and what it costs. */
export interface PricedUsage {
  readonly usage: UsageReport
  readonly cost: Cost
}
