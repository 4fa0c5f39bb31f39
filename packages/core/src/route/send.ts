import { ConfigurationError, GatewayError } from '../errors.ts'
import type { LiveExchange } from '../exchange/exchange.ts'
import { applyPatches, replaceTopLevelString, type PatchedBody } from '../exchange/patch.ts'
import { upstreamReply, type Reply } from '../exchange/reply.ts'
import { RequestBody } from '../exchange/request-body.ts'
import type { Clock } from '../host.ts'
import type { Pricing } from '../meter/price.ts'
import type { Transport } from '../ports/runtime.ts'
import { attempt, type AttemptOutcome } from './attempt.ts'
import { clientHeaders } from './forward-headers.ts'
import type { Router } from './router.ts'
import type { Upstream } from './upstream.ts'
import type { AttemptRecord, PatchNote } from '../entry/settlement.ts'
import { toText } from '../wire/bytes.ts'
import { digestOf, type DigestFactory } from '../wire/digest.ts'
import { headerValue } from '../wire/header-list.ts'
import { readString } from '../wire/json-scan.ts'
import { keptText } from '../wire/kept-text.ts'

/** What is kept of a request once its body is gone. */
export interface RequestFacts {
  readonly bytes: number
  readonly requestedModel: string | undefined
  /** Undefined where nothing was sent. */
  readonly resolvedModel: string | undefined
  readonly requestDigest: string
  readonly upstreamRequestDigest: string | undefined
}

/** What is known of an exchange's way upstream, filled in as it goes; the settlement reads it whatever happened. */
export interface Journey {
  readonly attempts: AttemptRecord[]
  /** True once the first middleware was asked. */
  isAdmitted?: boolean
  facts?: RequestFacts
  patches?: readonly PatchNote[]
  outcome?: AttemptOutcome
}

/** Longer than any model's name in JSON. */
const maxModelBytes = 2048

/** The model as a record keeps it: of what is too long to be a name, the start. */
function modelToKeep(body: RequestBody): string | undefined {
  const member = body.member('model')
  if (member === undefined) return undefined
  if (member.end - member.start > maxModelBytes) {
    const start = body.range(member.start, member.start + maxModelBytes)
    return start[0] === 0x22 ? keptText(toText(start.subarray(1))) : undefined
  }
  const model = body.string('model')
  return model && keptText(model)
}

/** Reads from a request what its settlement needs. */
export function factsOf(exchange: LiveExchange, body: RequestBody, sent: PatchedBody | undefined, digests: DigestFactory): RequestFacts {
  const requestedModel = exchange.isModelRequest ? modelToKeep(body) : undefined
  const requestDigest = body.digest ?? digestOf(digests, body.chunks)
  const isUnchanged = sent?.chunks === body.chunks
  return {
    bytes: body.length,
    requestedModel,
    resolvedModel: sent === undefined || isUnchanged ? requestedModel : modelToKeep(new RequestBody(...sent.chunks)),
    requestDigest,
    // The very arrays that the client's bytes stand in were sent: one digest is that of both.
    upstreamRequestDigest: sent && (isUnchanged ? requestDigest : digestOf(digests, sent.chunks)),
  }
}

/** The innermost step of the onion: chooses the target, applies the patches, and asks the upstream for its head. */
export async function sendExchange(
  exchange: LiveExchange,
  journey: Journey,
  router: Router,
  upstreams: ReadonlyMap<string, Upstream>,
  transport: Transport,
  clock: Clock,
  digests: DigestFactory,
  pricing: Pricing,
): Promise<Reply> {
  const body = await exchange.body()
  if (exchange.isModelRequest) checkModelRequest(exchange, body)
  const target = await router(exchange)
  const upstream = upstreams.get(target.upstream)
  if (upstream === undefined) throw new ConfigurationError('route', `chose the upstream "${target.upstream}", which is not configured.`)
  if (target.model !== undefined && target.model !== body.string('model')) exchange.patch(replaceTopLevelString('model', target.model))
  exchange.markSent()
  checkModels(exchange, target.model === undefined ? modelsOf(body) : [target.model], pricing)
  const sent = applyPatches(body, exchange.patches)
  journey.patches = sent.notes
  const attempting = attempt(exchange, upstream, sent.chunks, transport, clock, journey.attempts)
  // While the upstream is at work: what is read of the request here delays nobody.
  journey.facts = factsOf(exchange, body, sent, digests)
  journey.outcome = await attempting
  exchange.releaseBody()
  const { reply } = journey.outcome
  return upstreamReply(reply, clientHeaders(reply.headers, reply.isDecoded === true, exchange.replyHeaders))
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
  return members.length === 0 ? [undefined] : members.map(({ start, end }) => readString(body.range(start, end)))
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
