import { GatewayError, type FaultCode } from './errors.ts'
import type { ClientRequest, ClientSink } from './ports/client-request.ts'
import { roughEstimates, type EstimateSource } from './exchange/estimates.ts'
import type { PricedUsage } from './exchange/exchange.ts'
import { LiveExchange, type ExchangeServices } from './exchange/live-exchange.ts'
import { isOwnReply, isUpstreamReply, refuse, renderRefusal, type OwnReply, type Refusal, type Reply, type UpstreamReplyHead } from './exchange/reply.ts'
import { answer, problemOf, shuttingDown } from './exchange/own-answers.ts'
import type { Host } from './host.ts'
import { localAnswer, type LocalRoute } from './local-routes.ts'
import { MessageMeter } from './meter/message-meter.ts'
import type { Pricing } from './meter/price.ts'
import { noUsage } from './meter/usage.ts'
import type { Handler } from './middleware/compose.ts'
import type { Runtime } from './ports/runtime.ts'
import { PairedDigest, type DigestFactory } from './wire/digest.ts'
import { Relay } from './relay/relay.ts'
import { ReplyReader } from './relay/reply-reader.ts'
import { safeSink } from './relay/safe-sink.ts'
import type { AskLimits } from './route/ask-targets.ts'
import { clientHeaders } from './route/forward-headers.ts'
import type { Router } from './route/router.ts'
import type { Upstream } from './route/upstream.ts'
import type { Journey } from './route/journey.ts'
import { sendExchange, type SendOptions } from './route/send.ts'
import { entryOf, flushUntil, type Recorder } from './settle/record.ts'
import type { Outcome, Settlement } from './entry/settlement.ts'
import { formOf, outcomeOf } from './settle/reply-outcome.ts'
import { abandonedSettlement, settlementOf, type RelayedReply } from './settle/settle.ts'
import { headerValue } from './wire/header-list.ts'
import { parseTarget, type RequestTarget } from './wire/request-target.ts'

/** What every exchange of a gateway shares. */
export interface RunnerOptions extends AskLimits {
  readonly runtime: Runtime
  readonly host: Host
  readonly upstreams: ReadonlyMap<string, Upstream>
  readonly pricing: Pricing
  readonly digests: DigestFactory
  readonly maxBodyBytes: number
  readonly maxFrameBytes: number
  readonly drainMillis: number | undefined
  readonly routes: readonly LocalRoute[]
}

/** A client may name any model; the memory of which were told is bounded. */
const mostToldModels = 100

/** Stands in for a target that could not be parsed; what the client sent is not kept. */
const unparsable: RequestTarget = { raw: '/', path: '(unparsable)', query: '' }

/** Runs exchanges from the client's request to the ledger, and knows which are under way. */
export class ExchangeRunner {
  readonly #options: RunnerOptions
  #services: ExchangeServices
  readonly #recorders: Recorder[] = []
  readonly #journeys = new WeakMap<LiveExchange, Journey>()
  readonly #running = new Map<LiveExchange, Promise<unknown>>()
  readonly #relays = new Set<Relay>()
  readonly #toldModels = new Set<string>()
  #isDraining = false

  constructor(options: RunnerOptions) {
    this.#options = options
    this.#services = { ...options, estimates: roughEstimates(options.host) }
  }

  /** Before the first exchange. */
  estimateBy(source: EstimateSource): void {
    this.#services = { ...this.#services, estimates: source(this.#options.host) }
  }

  addRecorder(recorder: Recorder): void {
    this.#recorders.push(recorder)
  }

  get underWay(): number {
    return this.#running.size
  }

  /** The onion's core. */
  innermost(router: Router): Handler {
    const { upstreams, runtime, host, digests, pricing, most, health, firstContent } = this.#options
    const beforeSend: SendOptions['beforeSend'] = (exchange, model) => this.#open(exchange, model)
    const options: SendOptions = {
      router,
      upstreams,
      transport: runtime.transport,
      clock: host.clock,
      digests,
      pricing,
      most,
      health,
      firstContent,
      beforeSend,
    }
    return (exchange) => sendExchange(exchange, this.#journeys.get(exchange) as Journey, options)
  }

  run(request: ClientRequest, sink: ClientSink, handler: Handler): Promise<Settlement | undefined> {
    const target = parseTarget(request.target)
    const problem = problemOf(request, target)
    if (problem === undefined && target !== undefined) {
      const local = localAnswer(request.method, target.path, !this.#isDraining)
      if (local !== undefined) {
        answer(sink, local.status, [['content-type', 'application/json']], local.body)
        return Promise.resolve(undefined)
      }
      const own = this.#options.routes.find(({ method, path }) => method === request.method && path === target.path)
      if (own !== undefined) return this.#answerOwn(own, request, sink)
    }
    const exchange = new LiveExchange(request, target ?? unparsable, this.#services)
    const safe = safeSink(sink, (call, cause) => {
      this.#options.host.onFault({ code: 'sink-failed', message: `the adapter's sink failed: ${call}`, exchangeId: exchange.id, cause })
      exchange.abort('client', cause)
    })
    const running = this.#run(exchange, safe, handler, problem)
    this.#running.set(exchange, running)
    return running
  }

  async drain(graceMillis: number): Promise<void> {
    this.#isDraining = true
    const { clock } = this.#options.host
    const endsAt = clock.now() + graceMillis
    const cancel = clock.after(graceMillis, () => {
      for (const exchange of this.#running.keys()) exchange.abort('shutdown', shuttingDown())
      for (const relay of this.#relays) relay.endReadingOn(shuttingDown())
    })
    await Promise.all(this.#running.values())
    cancel()
    await Promise.all(this.#recorders.map((recorder) => flushUntil(endsAt, recorder, this.#options.host)))
  }

  /** Never rejects: what nothing below foresaw ends this exchange, and neither another one nor the process. */
  async #run(exchange: LiveExchange, sink: ClientSink, handler: Handler, problem: GatewayError | undefined): Promise<Settlement | undefined> {
    const journey: Journey = { attempts: [] }
    this.#journeys.set(exchange, journey)
    try {
      return await this.#conduct(exchange, journey, sink, handler, problem)
    } catch (cause) {
      this.#options.host.onFault({
        code: 'middleware-threw',
        message: 'an exchange failed where nothing should, and was broken off',
        exchangeId: exchange.id,
        cause,
      })
      journey.outcome?.reply.body.cancel(cause)
      sink.abort(cause)
      await this.#giveUp(exchange, journey)
      return undefined
    } finally {
      this.#running.delete(exchange)
    }
  }

  /** Ends the books of an exchange that failed where nothing should: what may have been billed counts as estimated, and nothing stays reserved. */
  async #giveUp(exchange: LiveExchange, journey: Journey): Promise<void> {
    const nothing: PricedUsage = { usage: noUsage, cost: { state: 'unpriced', nanoUsd: 0n, lines: [], priceVersion: '' } }
    const isSent = exchange.createsMessage && journey.patches !== undefined
    // An estimate may fail for the reason that the exchange has: then it stands in the ledger without a price.
    const priced = isSent
      ? await exchange.estimate().then(
          ({ likely }) => likely,
          () => nothing,
        )
      : nothing
    const settlement = abandonedSettlement(exchange, journey, priced, this.#options.digests)
    await this.#book(exchange, journey, { ...settlement, outcome: { kind: 'failed', error: { origin: 'gateway', code: 'internal' } } })
  }

  async #conduct(exchange: LiveExchange, journey: Journey, sink: ClientSink, handler: Handler, problem: GatewayError | undefined): Promise<Settlement> {
    const { request } = exchange
    const clientLeft = (): void => exchange.abort('client', request.signal.reason)
    if (request.signal.aborted) clientLeft()
    else request.signal.addEventListener('abort', clientLeft, { once: true })
    let settlement: Settlement
    try {
      const reply = await this.#decide(exchange, journey, handler, problem)
      if (journey.outcome !== undefined && !(isUpstreamReply(reply) && reply.upstream === journey.outcome.reply)) {
        journey.outcome.reply.body.cancel(new Error('the gateway answered by itself'))
      }
      settlement = isUpstreamReply(reply) ? await this.#relay(exchange, journey, reply, sink) : this.#answerWith(exchange, journey, reply, sink)
    } finally {
      request.signal.removeEventListener('abort', clientLeft)
    }
    exchange.learn(settlement.usage)
    await this.#book(exchange, journey, settlement)
    return settlement
  }

  async #book(exchange: LiveExchange, journey: Journey, settlement: Settlement): Promise<void> {
    await exchange.settle(settlement)
    // What no middleware saw costs nothing and says nothing of anyone: scanners must not fill the ledger.
    if (journey.isAdmitted === true) {
      const entry = entryOf(settlement, exchange.context)
      for (const { record } of this.#recorders) await record(entry)
    }
  }

  async #decide(exchange: LiveExchange, journey: Journey, handler: Handler, problem: GatewayError | undefined): Promise<Reply> {
    try {
      if (this.#isDraining) throw shuttingDown()
      if (problem !== undefined) throw problem
      if (!exchange.target.path.startsWith('/v1/')) {
        throw new GatewayError('unknown-route', 'This gateway serves the Anthropic API under /v1/. Check the base URL: it ends before /v1.')
      }
      journey.isAdmitted = true
      const reply: Reply | undefined = await this.#untilShutdown(exchange, journey, handler(exchange))
      if (reply === undefined) throw new Error('a middleware returned no reply; return what next() resolves with, or refuse()')
      return reply
    } catch (cause) {
      if (GatewayError.is(cause)) {
        if (cause.code === 'internal') this.#options.host.onFault({ code: 'middleware-threw', message: cause.message, exchangeId: exchange.id, cause })
        return refuse(cause)
      }
      if (exchange.abortedBy === 'shutdown') return refuse(shuttingDown())
      if (exchange.abortedBy === undefined) {
        this.#options.host.onFault({ code: 'middleware-threw', message: 'a middleware or the router threw', exchangeId: exchange.id, cause })
      }
      return refuse(new GatewayError('internal', 'The gateway failed to handle this request. Its operator has been told.', { cause }))
    }
  }

  /** What the middleware answers; once the gateway's shutdown has ended the exchange, nobody waits for one that hangs. */
  async #untilShutdown(exchange: LiveExchange, journey: Journey, deciding: Promise<Reply>): Promise<Reply> {
    const ended = Promise.withResolvers<never>()
    const onAbort = (): void => {
      if (exchange.abortedBy !== 'shutdown') return
      ended.reject(exchange.signal.reason)
      // A reply that comes all the same is nobody's.
      deciding.then(
        () => journey.outcome?.reply.body.cancel(exchange.signal.reason),
        () => undefined,
      )
    }
    exchange.signal.addEventListener('abort', onAbort, { once: true })
    try {
      return await Promise.race([deciding, ended.promise])
    } finally {
      exchange.signal.removeEventListener('abort', onAbort)
    }
  }

  #answerWith(exchange: LiveExchange, journey: Journey, reply: Reply, sink: ClientSink): Settlement {
    if (!isOwnReply(reply)) return this.#refuse(exchange, journey, reply as Refusal, sink)
    const { status, headers, body }: OwnReply = reply
    if (exchange.abortedBy === 'client') sink.abort(exchange.signal.reason)
    else answer(sink, status, [...headers, ...exchange.replyHeaders], body)
    const isGone = exchange.abortedBy === 'client'
    return this.#settlement(exchange, journey, { kind: isGone ? 'client-gone' : 'completed' }, isGone ? undefined : status, undefined)
  }

  #refuse(exchange: LiveExchange, journey: Journey, { error }: Refusal, sink: ClientSink): Settlement {
    const isGone = exchange.abortedBy === 'client'
    if (isGone) sink.abort(error)
    else this.#answer(exchange, error, sink)
    const isFailure = error.code.startsWith('upstream-') || error.code === 'internal'
    const outcome: Outcome = isGone ? { kind: 'client-gone' } : { kind: isFailure ? 'failed' : 'refused', error: { origin: 'gateway', code: error.code } }
    // An answer that the sink could not take has counted its client as gone.
    return this.#settlement(exchange, journey, outcome, exchange.abortedBy === 'client' ? undefined : error.status, undefined)
  }

  async #relay(exchange: LiveExchange, journey: Journey, reply: UpstreamReplyHead, sink: ClientSink): Promise<Settlement> {
    const { host, digests, runtime, maxFrameBytes, drainMillis } = this.#options
    const { upstream } = journey.outcome as NonNullable<Journey['outcome']>
    const isMetered = exchange.createsMessage && reply.status < 300
    // Anew: middleware may have set more of them when next() had resolved.
    const headers = clientHeaders(reply.upstream.headers, reply.upstream.isDecoded === true, exchange.replyHeaders, exchange.droppedReplyHeaders)
    const meter = new MessageMeter()
    const digest = new PairedDigest(digests)
    const encoding = headerValue(headers, 'content-encoding')?.trim().toLowerCase()
    const coding = encoding === undefined || encoding === 'identity' ? undefined : encoding
    const form = formOf(headerValue(headers, 'content-type'), isMetered || reply.status >= 400)
    const onFault = (code: FaultCode, message: string, cause?: unknown): void =>
      host.onFault({ code, message, exchangeId: exchange.id, ...(cause !== undefined && { cause }) })
    const reader = new ReplyReader({ form, coding, decoder: runtime.decoder, meter, observers: exchange.observers, maxFrameBytes, onFault })
    let status = reply.status
    const relay = new Relay({
      exchangeId: exchange.id,
      headers,
      sendHead: () => sink.head(reply.status, headers),
      refuse: (error) => {
        status = error.status
        this.#answer(exchange, error, sink)
      },
      form,
      coding,
      isMessageStream: isMetered,
      source: reply.upstream.body,
      sink,
      clock: host.clock,
      digest,
      reader,
      meter,
      gates: isMetered ? exchange.gates : [],
      maxFrameBytes,
      idleMillis: upstream.deadlines.idleMillis,
      heartbeatMillis: isMetered ? upstream.heartbeatMillis : undefined,
      drainMillis,
    })
    const onAbort = (): void => {
      const { reason } = exchange.signal
      if (exchange.abortedBy === 'client') relay.clientGone(reason)
      else relay.cut(GatewayError.is(reason) ? reason : shuttingDown())
    }
    exchange.signal.addEventListener('abort', onAbort, { once: true })
    if (exchange.signal.aborted) onAbort()
    exchange.observers.head(reply.status, headers)
    this.#relays.add(relay)
    const end = await relay.run()
    this.#relays.delete(relay)
    exchange.signal.removeEventListener('abort', onAbort)
    exchange.observers.end()
    const relayed: RelayedReply = { relay, meter, digest, reply, isMetered, isStream: form === 'events' }
    return this.#settlement(exchange, journey, outcomeOf(end, status, meter), status, relayed)
  }

  async #answerOwn(route: LocalRoute, request: ClientRequest, sink: ClientSink): Promise<undefined> {
    const { host } = this.#options
    try {
      const { status, body } = await route.answer(request)
      answer(
        sink,
        status,
        [
          ['content-type', 'application/json'],
          ['cache-control', 'no-store'],
        ],
        body,
      )
    } catch (cause) {
      const id = host.newId()
      if (!GatewayError.is(cause)) host.onFault({ code: 'middleware-threw', message: `the route ${route.path} threw`, exchangeId: id, cause })
      const error = GatewayError.is(cause) ? cause : new GatewayError('internal', 'The gateway failed to answer this request. Its operator has been told.')
      const { headers, body } = renderRefusal(error, id)
      answer(sink, error.status, headers, body)
    }
    return undefined
  }

  /** What a crash must not lose is kept before the first byte goes upstream. Undefined where no ledger keeps it. */
  #open(exchange: LiveExchange, model: string | undefined): Promise<void> | undefined {
    for (const { admit } of this.#recorders) admit()
    return this.#recorders.some(({ open }) => open !== undefined) ? this.#openIn(exchange, model) : undefined
  }

  async #openIn(exchange: LiveExchange, model: string | undefined): Promise<void> {
    const journey = this.#journeys.get(exchange) as Journey
    const estimate = await exchange.estimate()
    const { likely } = model === undefined ? estimate : estimate.withModel(model)
    const entry = entryOf(abandonedSettlement(exchange, journey, likely, this.#options.digests), exchange.context)
    await Promise.all(this.#recorders.flatMap(({ open }) => (open === undefined ? [] : [open(entry)])))
  }

  #answer(exchange: LiveExchange, error: GatewayError, sink: ClientSink): void {
    const { headers, body } = renderRefusal(error, exchange.id)
    answer(sink, error.status, [...headers, ...exchange.replyHeaders], body)
  }

  #settlement(exchange: LiveExchange, journey: Journey, outcome: Outcome, status: number | undefined, relayed: RelayedReply | undefined): Settlement {
    const settlement = settlementOf({
      exchange,
      journey,
      outcome,
      status,
      relayed,
      endedAt: this.#options.host.clock.now(),
      pricing: this.#options.pricing,
      digests: this.#options.digests,
    })
    for (const { state, model } of settlement.cost.lines) if (state === 'assumed' || state === 'unpriced') this.#tellUnknown(model, state)
    return settlement
  }

  /** Once per model: it stands in every row anyway. */
  #tellUnknown(model: string, state: string): void {
    if (this.#toldModels.has(model) || this.#toldModels.size >= mostToldModels) return
    this.#toldModels.add(model)
    this.#options.host.onFault({
      code: 'unknown-model-price',
      message: `the price of "${model.slice(0, 80).replace(/[^ -~]/g, '?')}" is not known; its cost is ${state === 'assumed' ? 'assumed at the dearest rates' : 'left out of the sums'}`,
      source: 'pricing',
    })
  }
}
