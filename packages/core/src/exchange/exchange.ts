import type { Host } from '../host.ts'
import type { Gate } from '../relay/gate.ts'
import type { Observer } from '../relay/observer.ts'
import { Observers } from '../relay/observers.ts'
import type { Settlement } from '../entry/settlement.ts'
import type { RequestTarget } from '../wire/request-target.ts'
import type { DigestFactory } from '../wire/digest.ts'
import type { HeaderList } from '../wire/header-list.ts'
import type { ClientRequest } from '../ports/client-request.ts'
import type { Patch } from './patch.ts'
import { readBody, type RequestBody } from './request-body.ts'

/** Why an exchange was aborted. */
export type AbortKind = 'client' | 'deadline' | 'shutdown'

/** Called once with the settlement. A promise is waited for, so that what it books is part of the exchange. */
export type SettledCallback = (settlement: Settlement) => void | Promise<void>

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
   * The whole body, read on first call; gone once the upstream has answered.
   * @throws GatewayError where it is too large, compressed, or breaks off
   */
  readonly body: () => Promise<RequestBody>
  /** Declares a change of the request body, spans measured in the client's bytes. Recorded in the settlement. @throws Error once the request was sent */
  readonly patch: (patch: Patch) => void
  readonly observe: (observer: Observer) => void
  readonly gate: (gate: Gate) => void
  /** Runs exactly once, whatever happens; last registered first. @throws Error after settlement */
  readonly onSettled: (callback: SettledCallback) => void
  /** Sets a header of the reply, in place of the upstream's of that name. */
  readonly setReplyHeader: (name: string, value: string) => void
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
  readonly patches: Patch[] = []
  readonly replyHeaders: (readonly [string, string])[] = []
  readonly #controller = new AbortController()
  readonly #host: Host
  readonly #maxBodyBytes: number
  readonly #digests: DigestFactory
  #body: Promise<RequestBody> | undefined
  #readBody: RequestBody | undefined
  #settledCallbacks: SettledCallback[] | undefined = []
  #abortedBy: AbortKind | undefined
  #isSent = false
  #isReleased = false

  constructor(request: ClientRequest, target: RequestTarget, host: Host, maxBodyBytes: number, digests: DigestFactory) {
    this.id = host.newId()
    this.startedAt = host.clock.now()
    this.request = request
    this.target = target
    this.observers = new Observers(host, this.id)
    this.#host = host
    this.#maxBodyBytes = maxBodyBytes
    this.#digests = digests
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
    this.#body ??= readBody(this.request, this.#maxBodyBytes, this.#digests.create(), this.isModelRequest, this.signal).then((body) => {
      this.#readBody = body
      return body
    })
    return this.#body
  }

  /** Lets go of the body: a stream may last minutes, and a megabyte for each open one is too much. */
  releaseBody(): void {
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

  onSettled = (callback: SettledCallback): void => {
    if (this.#settledCallbacks === undefined) throw new Error('onSettled came after the exchange was settled; register before returning the reply')
    this.#settledCallbacks.push(callback)
  }

  setReplyHeader = (name: string, value: string): void => {
    this.replyHeaders.push([name, value])
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
        this.#host.onFault({ code: 'settled-callback-threw', message: 'an onSettled callback threw', exchangeId: this.id, cause })
      }
    }
  }
}
