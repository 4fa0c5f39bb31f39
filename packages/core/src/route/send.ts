import { ConfigurationError, GatewayError } from '../errors.ts'
import type { LiveExchange } from '../exchange/exchange.ts'
import { applyPatches, replaceTopLevelString } from '../exchange/patch.ts'
import { upstreamReply, type Reply } from '../exchange/reply.ts'
import { RequestBody } from '../exchange/request-body.ts'
import type { Clock } from '../host.ts'
import type { Pricing } from '../meter/price.ts'
import type { Principal } from '../ports/key-ring.ts'
import type { Transport } from '../ports/runtime.ts'
import type { DigestFactory } from '../wire/digest.ts'
import { headerValue } from '../wire/header-list.ts'
import { readString } from '../wire/json-scan.ts'
import { attempt } from './attempt.ts'
import { clientHeaders } from './forward-headers.ts'
import { dialectUseOf, factsOf, type Journey } from './journey.ts'
import { toPlan, type Router } from './router.ts'
import type { Upstream } from './upstream.ts'

/** What sending takes besides the exchange. */
export interface SendOptions {
  readonly router: Router
  readonly upstreams: ReadonlyMap<string, Upstream>
  readonly transport: Transport
  readonly clock: Clock
  readonly digests: DigestFactory
  readonly pricing: Pricing
  /** Asked when all is decided, before the first byte of a message goes upstream: what a crash must not lose is written here. Undefined: nothing is to be waited for. */
  readonly beforeSend: (exchange: LiveExchange) => Promise<void> | undefined
}

/** The innermost step of the onion: chooses the target, applies the patches, and asks the upstream for its head. */
export async function sendExchange(exchange: LiveExchange, journey: Journey, options: SendOptions): Promise<Reply> {
  const { router, upstreams, transport, clock, digests, pricing, beforeSend } = options
  const body = await exchange.body()
  if (exchange.isModelRequest) checkModelRequest(exchange, body)
  const [target] = toPlan(await router(exchange)).targets
  const upstream = upstreams.get(target.upstream)
  if (upstream === undefined) throw new ConfigurationError('route', `chose the upstream "${target.upstream}", which is not configured.`)
  checkUpstreamAllowed(exchange, upstream)
  exchange.droppedBetas = target.dropBetas
  if (target.model !== undefined && target.model !== body.string('model')) exchange.patch(replaceTopLevelString('model', target.model))
  exchange.markSent()
  checkModels(exchange, target.model === undefined ? modelsOf(body) : [target.model], pricing)
  const sent = applyPatches(body, exchange.patches)
  journey.patches = sent.notes
  if (exchange.createsMessage) {
    const opening = beforeSend(exchange)
    if (opening !== undefined) await opening
    if (exchange.signal.aborted) throw exchange.signal.reason
  }
  const use = dialectUseOf(exchange, journey, upstream, body, sent, digests)
  const attempting = attempt(exchange, upstream, sent.chunks, transport, clock, journey.attempts, use)
  // While the upstream is at work: what is read of the request here delays nobody.
  journey.facts ??= factsOf(exchange, body, sent, digests, use !== undefined)
  journey.outcome = await attempting
  const { reply } = journey.outcome
  // What an attempt left behind that failed may still wait in its socket.
  exchange.releaseBody(reply.isRequestWritten === true && journey.attempts.length === 1)
  return upstreamReply(reply, clientHeaders(reply.headers, reply.isDecoded === true, exchange.replyHeaders, exchange.droppedReplyHeaders))
}

/** A key may be bound to some upstreams; whatever the router chose, it goes nowhere else. */
function checkUpstreamAllowed({ context }: LiveExchange, upstream: Upstream): void {
  const allowed = (context as { readonly principal?: Principal }).principal?.restrictions?.upstreams
  if (allowed === undefined || allowed.includes(upstream.name)) return
  throw new GatewayError('credential-not-allowed', `This key may not use the upstream that the request was routed to. Ask the gateway's operator.`)
}

/** Refuses what no upstream could read either, with a message that says what to mend. Everything else is the upstream's to judge. */
function checkModelRequest(exchange: LiveExchange, body: RequestBody): void {
  const contentType = headerValue(exchange.headers, 'content-type')
  if (contentType !== undefined && !/^application\/(?:[\w.-]+\+)?json\b/i.test(contentType.trim())) {
    throw new GatewayError(
      'unsupported-content-type',
      `This route takes JSON, and the request says "${contentType.slice(0, 60)}". Send content-type: application/json.`,
    )
  }
  if (body.scan.kind === 'malformed') {
    throw new GatewayError('malformed-body', `The request body is not valid JSON: at byte ${body.scan.at}, ${body.scan.problem}.`)
  }
}

/** Every model that a body names: of a repeated key one reader takes the first and another the last. At least one, known or not. */
function modelsOf(body: RequestBody): readonly (string | undefined)[] {
  const members = body.members('model')
  return members.length === 0 ? [undefined] : RequestBody.glance(body, () => members.map(({ start, end }) => readString(body.range(start, end))))
}

/** Refuses a model whose price is unknown, where the operator wants that rather than an assumption. */
function checkModels(exchange: LiveExchange, models: readonly (string | undefined)[], pricing: Pricing): void {
  if (!exchange.createsMessage || pricing.unknownModel !== 'deny') return
  for (const model of models) {
    if (model !== undefined && pricing.find(model, exchange.startedAt) !== undefined) continue
    throw new GatewayError(
      'unknown-model',
      `The price of the model "${(model ?? '').slice(0, 80)}" is not known to this gateway, so it is not allowed. Ask its operator to add it.`,
    )
  }
}
