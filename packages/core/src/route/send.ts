import { ConfigurationError, GatewayError } from '../errors.ts'
import type { LiveExchange } from '../exchange/exchange.ts'
import { applyPatches, replaceTopLevelString, type PatchedBody } from '../exchange/patch.ts'
import { upstreamReply, type Reply } from '../exchange/reply.ts'
import type { RequestBody } from '../exchange/request-body.ts'
import type { Clock } from '../host.ts'
import type { Transport } from '../ports/runtime.ts'
import { attempt, type AttemptOutcome } from './attempt.ts'
import { clientHeaders } from './forward-headers.ts'
import type { Router } from './router.ts'
import type { Upstream } from './upstream.ts'
import type { AttemptRecord } from '../entry/settlement.ts'
import { headerValue } from '../wire/header-list.ts'

/** What is known of an exchange's way upstream, filled in as it goes; the settlement reads it whatever happened. */
export interface Journey {
  readonly attempts: AttemptRecord[]
  sent?: PatchedBody
  outcome?: AttemptOutcome
}

/** Paths whose body is a Messages API request: what their model is, is ours to know. */
export function isModelRequest(method: string, path: string): boolean {
  return method === 'POST' && (path === '/v1/messages' || path === '/v1/messages/count_tokens')
}

/** The innermost step of the onion: chooses the target, applies the patches, and asks the upstream for its head. */
export async function sendExchange(
  exchange: LiveExchange,
  journey: Journey,
  router: Router,
  upstreams: ReadonlyMap<string, Upstream>,
  transport: Transport,
  clock: Clock,
): Promise<Reply> {
  const body = await exchange.body()
  if (isModelRequest(exchange.method, exchange.target.path)) checkModelRequest(exchange, body)
  const target = await router(exchange)
  const upstream = upstreams.get(target.upstream)
  if (upstream === undefined) throw new ConfigurationError('route', `chose the upstream "${target.upstream}", which is not configured.`)
  if (target.model !== undefined && target.model !== body.string('model')) exchange.patch(replaceTopLevelString('model', target.model))
  exchange.markSent()
  journey.sent = applyPatches(body, exchange.patches)
  journey.outcome = await attempt(exchange, upstream, journey.sent.chunks, transport, clock, journey.attempts)
  const { reply } = journey.outcome
  return upstreamReply(reply, clientHeaders(reply.headers, reply.isDecoded === true, exchange.replyHeaders))
}

/** Refuses what no upstream could read either, with a message that says what to mend. Everything else is the upstream's to judge. */
function checkModelRequest(exchange: LiveExchange, body: RequestBody): void {
  const contentType = headerValue(exchange.headers, 'content-type')
  if (contentType !== undefined && !/^application\/(?:[\w.-]+\+)?json\b/i.test(contentType.trim())) {
    throw new GatewayError('unsupported-content-type', `This route takes JSON, and the request says "${contentType.slice(0, 60)}". Send content-type: application/json.`)
  }
  if (body.scan.kind === 'malformed') {
    throw new GatewayError('malformed-body', `The request body is not valid JSON: at byte ${body.scan.at}, ${body.scan.problem}.`)
  }
}
