import type { GatewayError } from '../errors.ts'
import type { Host } from '../host.ts'
import type { EstimateFacts } from '../meter/estimate.ts'
import type { Cost, Pricing } from '../meter/price.ts'
import { noUsage, type UsageReport } from '../meter/usage.ts'
import type { Gate } from '../relay/gate.ts'
import type { Observer } from '../relay/observer.ts'
import { Observers } from '../relay/observers.ts'
import type { RouteRecord } from '../entry/route-record.ts'
import type { Settlement } from '../entry/settlement.ts'
import type { RequestTarget } from '../wire/request-target.ts'
import type { DigestFactory } from '../wire/digest.ts'
import type { HeaderList } from '../wire/header-list.ts'
import type { ClientRequest } from '../ports/client-request.ts'
import { unseenTokens } from './estimate-facts.ts'
import type { Estimates } from './estimates.ts'
import type { Patch } from './patch.ts'
import { readBody, RequestBody } from './request-body.ts'

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
   * `/v1/messages` it is nothing.
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

/** What exchanges share. */
export interface ExchangeServices {
  readonly host: Host
  readonly maxBodyBytes: number
  readonly digests: DigestFactory
  readonly pricing: Pricing
  readonly estimates: Estimates
}

/** The gateway's own side of an {@link Exchange}. */
export class LiveExchange implements Exchange {
  readonly id: string
  readonly startedAt: number
  readonly request: ClientRequest
  readonly target: RequestTarget
  readonly context: Record<string, unknown> = {}
  readonly observers: Observers
  readonly gates: Gate[] = []
  /** Undefined where nothing asked for any. */
  targetChecks: TargetCheck[] | undefined
  readonly patches: Patch[] = []
  readonly replyHeaders: (readonly [string, string])[] = []
  readonly droppedReplyHeaders: string[] = []
  /** Why it goes where it goes. */
  route: RouteRecord | undefined
  readonly #controller = new AbortController()
  readonly #services: ExchangeServices
  #estimate: Promise<SpendEstimate> | undefined
  #estimates: Map<string, SpendEstimate> | undefined
  #facts: EstimateFacts | undefined
  #body: Promise<RequestBody> | undefined
  #readBody: RequestBody | undefined
  #settledCallbacks: SettledCallback[] | undefined = []
  #abortedBy: AbortKind | undefined
  #isSent = false
  #isReleased = false

  constructor(request: ClientRequest, target: RequestTarget, services: ExchangeServices) {
    const { host } = services
    this.id = host.newId()
    this.startedAt = host.clock.now()
    this.request = request
    this.target = target
    this.observers = new Observers(host, this.id)
    this.#services = services
  }

  get method(): string {
    return this.request.method
  }

  get headers(): HeaderList {
    return this.request.headers
  }

  get remoteAddress(): string | undefined {
    return this.request.remoteAddress
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** True for the routes whose body is a Messages API request: what their model is, is ours to know. */
  get isModelRequest(): boolean {
    return this.createsMessage || (this.method === 'POST' && this.target.path === '/v1/messages/count_tokens')
  }

  /** True for the one route whose replies are metered, gated and kept alive. */
  get createsMessage(): boolean {
    return this.method === 'POST' && this.target.path === '/v1/messages'
  }

  /** Who aborted first; undefined while nobody has. */
  get abortedBy(): AbortKind | undefined {
    return this.#abortedBy
  }

  /** The body if it has been read whole. */
  get bodyIfRead(): RequestBody | undefined {
    return this.#readBody
  }

  abort(kind: AbortKind, reason: unknown): void {
    if (this.#abortedBy !== undefined) return
    this.#abortedBy = kind
    this.#controller.abort(reason)
  }

  body = (): Promise<RequestBody> => {
    if (this.#isReleased) return Promise.reject(new Error('the request body is let go once the upstream has answered; read it before next()'))
    const { maxBodyBytes, digests } = this.#services
    this.#body ??= readBody(this.request, maxBodyBytes, digests.create(), this.isModelRequest, this.signal).then((body) => {
      this.#readBody = body
      return body
    })
    return this.#body
  }

  /**
   * Lets go of the body: a stream may last minutes, and a megabyte for each open one is too much. Where it `isWritten`, so that nothing of the
   * gateway's reads it any more, and nobody was shown a view of it, its memory goes back to the adapter at once: left to the collector,
   * bodies cost a full collection every few dozen megabytes.
   */
  releaseBody(isWritten: boolean): void {
    const chunks = this.#readBody === undefined ? [] : RequestBody.letGo(this.#readBody)
    if (isWritten && chunks.length > 0) this.request.reclaim?.(chunks)
    this.#isReleased = true
    this.#body = undefined
    this.#readBody = undefined
  }

  patch = (patch: Patch): void => {
    if (this.#isSent) throw new Error(`patch "${patch.name}" came after the request was sent; declare it before next()`)
    this.patches.push(patch)
  }

  observe = (observer: Observer): void => this.observers.add(observer)

  gate = (gate: Gate): void => {
    this.gates.push(gate)
  }

  checkTargets = (check: TargetCheck): void => {
    this.targetChecks = [...(this.targetChecks ?? []), check]
  }

  onSettled = (callback: SettledCallback): void => {
    if (this.#settledCallbacks === undefined) throw new Error('onSettled came after the exchange was settled; register before returning the reply')
    this.#settledCallbacks.push(callback)
  }

  setReplyHeader = (name: string, value: string): void => {
    const lower = name.toLowerCase()
    const before = this.replyHeaders.findIndex(([other]) => other.toLowerCase() === lower)
    if (before === -1) this.replyHeaders.push([name, value])
    else this.replyHeaders[before] = [name, value]
  }

  dropReplyHeaders = (prefix: string): void => {
    this.droppedReplyHeaders.push(prefix)
  }

  cut = (error: GatewayError): void => this.abort('cut', error)

  estimate = (): Promise<SpendEstimate> => {
    this.#estimate ??= this.#makeEstimate()
    return this.#estimate
  }

  async #makeEstimate(): Promise<SpendEstimate> {
    if (!this.createsMessage) return this.#nothing()
    const body = await this.body()
    const { id: exchangeId, context, headers, startedAt: at, signal } = this
    const facts = await this.#services.estimates.facts({ exchangeId, body, context, headers, at, signal })
    this.#facts = facts
    return this.#estimateOf(facts)
  }

  /** One per model for the exchange's life, whatever is learned meanwhile: what a crash books must be what was reserved. */
  #estimateOf(facts: EstimateFacts): SpendEstimate {
    const known = this.#estimates?.get(facts.model)
    if (known !== undefined) return known
    const { estimator } = this.#services.estimates
    const most = (): PricedUsage => {
      const unseen = this.#readBody === undefined ? Infinity : unseenTokens(this.#readBody)
      return this.#priced(unseen === Infinity ? estimator.most(facts, true) : estimator.most({ ...facts, bytes: facts.bytes + unseen }, false))
    }
    // What an upstream has counted is true of the model that it was asked about.
    const { exactTokens: _exactTokens, ...others } = facts
    const estimate = { likely: this.#priced(estimator.likely(facts)), most, withModel: (model: string) => this.#estimateOf({ ...others, model }) }
    this.#estimates ??= new Map()
    this.#estimates.set(facts.model, estimate)
    return estimate
  }

  #nothing(): SpendEstimate {
    const nothing = this.#priced(noUsage)
    return { likely: nothing, most: () => nothing, withModel: () => this.#nothing() }
  }

  #priced(usage: UsageReport): PricedUsage {
    return { usage, cost: this.price(usage) }
  }

  explainRoute = (record: RouteRecord): void => {
    this.route = record
  }

  price = (usage: UsageReport): Cost => this.#services.pricing.cost(usage, this.startedAt)

  /** Lets estimates learn from how the exchange ended, where anybody asked for one. */
  learn(usage: UsageReport): void {
    if (this.#facts !== undefined) this.#services.estimates.estimator.learn(this.#facts, usage)
  }

  markSent(): void {
    this.#isSent = true
  }

  /** Runs the settled callbacks, last registered first, each to its end. A second call does nothing. */
  async settle(settlement: Settlement): Promise<void> {
    const callbacks = this.#settledCallbacks
    if (callbacks === undefined) return
    this.#settledCallbacks = undefined
    for (const callback of callbacks.toReversed()) {
      try {
        await callback(settlement)
      } catch (cause) {
        this.#services.host.onFault({ code: 'settled-callback-threw', message: 'an onSettled callback threw', exchangeId: this.id, cause })
      }
    }
  }
}
