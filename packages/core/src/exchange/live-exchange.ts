import type { Host } from '../host.ts'
import type { Cost, Pricing } from '../meter/price.ts'
import { noUsage, type UsageReport } from '../meter/usage.ts'
import type { Gate } from '../relay/gate.ts'
import { Observers } from '../relay/observers.ts'
import type { RouteRecord } from '../entry/route-record.ts'
import type { Settlement } from '../entry/settlement.ts'
import type { RequestTarget } from '../wire/request-target.ts'
import type { DigestFactory } from '../wire/digest.ts'
import type { HeaderList } from '../wire/header-list.ts'
import type { ClientRequest } from '../ports/client-request.ts'
import type { Estimates, UsageEstimate } from './estimates.ts'
import type { Patch } from './patch.ts'
import { readBody, RequestBody } from './request-body.ts'
import type { AbortKind, Exchange, PricedUsage, SettledCallback, SpendEstimate, TargetCheck } from './exchange.ts'

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
  #estimated: UsageEstimate | undefined
  #spends: Map<string, SpendEstimate> | undefined
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

  // What middleware may call is made when it is asked for, so that it may be taken out of the exchange and called alone: a dozen closures in every open stream
  // would cost it a kilobyte.

  get body(): Exchange['body'] {
    return () => this.#wholeBody()
  }

  #wholeBody(): Promise<RequestBody> {
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
    // No target is asked any more; checks hold what they looked at.
    this.targetChecks = undefined
  }

  get patch(): Exchange['patch'] {
    return (patch) => {
      if (this.#isSent) throw new Error(`patch "${patch.name}" came after the request was sent; declare it before next()`)
      this.patches.push(patch)
    }
  }

  get observe(): Exchange['observe'] {
    return (observer) => this.observers.add(observer)
  }

  get gate(): Exchange['gate'] {
    return (gate) => void this.gates.push(gate)
  }

  get checkTargets(): Exchange['checkTargets'] {
    return (check) => {
      this.targetChecks = [...(this.targetChecks ?? []), check]
    }
  }

  get onSettled(): Exchange['onSettled'] {
    return (callback) => {
      if (this.#settledCallbacks === undefined) throw new Error('onSettled came after the exchange was settled; register before returning the reply')
      this.#settledCallbacks.push(callback)
    }
  }

  get setReplyHeader(): Exchange['setReplyHeader'] {
    return (name, value) => {
      const lower = name.toLowerCase()
      const before = this.replyHeaders.findIndex(([other]) => other.toLowerCase() === lower)
      if (before === -1) this.replyHeaders.push([name, value])
      else this.replyHeaders[before] = [name, value]
    }
  }

  get dropReplyHeaders(): Exchange['dropReplyHeaders'] {
    return (prefix) => void this.droppedReplyHeaders.push(prefix)
  }

  get cut(): Exchange['cut'] {
    return (error) => this.abort('cut', error)
  }

  get estimate(): Exchange['estimate'] {
    return () => (this.#estimate ??= this.#makeEstimate())
  }

  async #makeEstimate(): Promise<SpendEstimate> {
    if (!this.createsMessage) return this.#nothing()
    const body = await this.#wholeBody()
    const { id: exchangeId, context, headers, startedAt: at, signal } = this
    this.#estimated = await this.#services.estimates.of({ exchangeId, body, context, headers, at, signal })
    return this.#spendOf(this.#estimated)
  }

  /** One per model for the exchange's life, whatever is learned meanwhile: what a crash books must be what was reserved. */
  #spendOf(usage: UsageEstimate): SpendEstimate {
    const spend: SpendEstimate = {
      likely: this.#priced(usage.likely()),
      most: () => this.#priced(usage.most(this.#readBody)),
      withModel: (model) => this.#spends?.get(model) ?? this.#spendOf(usage.withModel(model)),
    }
    this.#spends ??= new Map()
    this.#spends.set(usage.model, spend)
    return spend
  }

  #nothing(): SpendEstimate {
    const nothing = this.#priced(noUsage)
    return { likely: nothing, most: () => nothing, withModel: () => this.#nothing() }
  }

  #priced(usage: UsageReport): PricedUsage {
    return { usage, cost: this.#cost(usage) }
  }

  get explainRoute(): Exchange['explainRoute'] {
    return (record) => {
      this.route = record
    }
  }

  get price(): Exchange['price'] {
    return (usage) => this.#cost(usage)
  }

  #cost(usage: UsageReport): Cost {
    return this.#services.pricing.cost(usage, this.startedAt)
  }

  /** Lets estimates learn from how the exchange ended, where anybody asked for one. */
  learn(usage: UsageReport): void {
    this.#estimated?.learn(usage)
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
