import { GatewayError } from '../errors.ts'
import type { LiveExchange } from '../exchange/live-exchange.ts'
import { upstreamReply, type Reply } from '../exchange/reply.ts'
import type { RequestBody } from '../exchange/request-body.ts'
import { headerValue } from '../wire/header-list.ts'
import { askTargets, type AskOptions } from './ask-targets.ts'
import { clientHeaders } from './forward-headers.ts'
import type { Journey } from './journey.ts'
import { toPlan, type Router } from './router.ts'
import { bodyFor, waysOf, type WayOptions } from './ways.ts'

/** What sending takes besides the exchange. */
export interface SendOptions extends AskOptions, WayOptions {
  readonly router: Router
  /**
   * Asked when all is decided, before the first byte of a message goes upstream: what a crash must not lose is written here. `model`: the first target's, where it is not
   * the client's own. Undefined: nothing is to be waited for.
   */
  readonly beforeSend: (exchange: LiveExchange, model: string | undefined) => Promise<void> | undefined
}

/** The innermost step of the onion: has the targets chosen, applies the patches, and asks the upstreams for a head. */
export async function sendExchange(exchange: LiveExchange, journey: Journey, options: SendOptions): Promise<Reply> {
  const { router, clock, beforeSend } = options
  const body = await exchange.body()
  if (exchange.isModelRequest) checkModelRequest(exchange, body)
  const chosen = await router(exchange)
  if ('kind' in chosen) return chosen
  const { ways, leftOut } = waysOf(exchange, body, toPlan(chosen), options, clock.now())
  journey.attempts.push(...leftOut)
  exchange.markSent()
  const sent = bodyFor(ways[0], exchange, body)
  journey.patches = sent.notes
  if (exchange.createsMessage) {
    const opening = beforeSend(exchange, ways[0].target.model)
    if (opening !== undefined) await opening
    if (exchange.signal.aborted) throw exchange.signal.reason
  }
  journey.outcome = await askTargets(exchange, journey, body, ways, sent, options)
  const { reply } = journey.outcome
  // What an attempt left behind that failed may still wait in its socket.
  exchange.releaseBody(reply.isRequestWritten === true && journey.attempts.length - leftOut.length === 1)
  return upstreamReply(reply, clientHeaders(reply.headers, reply.isDecoded === true, exchange.replyHeaders, exchange.droppedReplyHeaders))
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
