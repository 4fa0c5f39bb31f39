import type { PricedUsage } from '../exchange/exchange.ts'
import type { LiveExchange } from '../exchange/live-exchange.ts'
import type { UpstreamReplyHead } from '../exchange/reply.ts'
import { MessageMeter } from '../meter/message-meter.ts'
import type { Pricing } from '../meter/price.ts'
import { noUsage, type UsageReport } from '../meter/usage.ts'
import type { DigestFactory, PairedDigest } from '../wire/digest.ts'
import type { Relay } from '../relay/relay.ts'
import { factsOf, type Journey, type RequestFacts } from '../route/journey.ts'
import { headerValue } from '../wire/header-list.ts'
import { keptText } from '../wire/kept-text.ts'
import type { Outcome, PassthroughProof, Settlement } from '../entry/settlement.ts'

/** A reply that was relayed, and what watched it. */
export interface RelayedReply {
  readonly relay: Relay
  readonly meter: MessageMeter
  readonly digest: PairedDigest
  readonly reply: UpstreamReplyHead
  /** True where the reply's usage is to be priced. */
  readonly isMetered: boolean
  readonly isStream: boolean
}

/** What a settlement is made of. */
export interface SettlementParts {
  readonly exchange: LiveExchange
  readonly journey: Journey
  readonly outcome: Outcome
  readonly status: number | undefined
  /** Undefined where no upstream reply was relayed. */
  readonly relayed: RelayedReply | undefined
  readonly endedAt: number
  readonly pricing: Pricing
  readonly digests: DigestFactory
}

/** What an exchange is to count as if nothing more is ever heard of it: as estimated, and cut by the crash of its gateway. */
export function abandonedSettlement(exchange: LiveExchange, journey: Journey, { usage, cost }: PricedUsage, digests: DigestFactory): Settlement {
  const { patches } = journey
  const body = exchange.bodyIfRead
  const facts = body && factsOf(exchange, body, undefined, digests)
  const abandoned = {
    ...asked(exchange),
    endedAt: exchange.startedAt,
    outcome: { kind: 'cut' as const, error: { origin: 'gateway' as const, code: 'gateway-crashed' } },
    isStream: false,
    requestBytes: facts?.bytes ?? 0,
    responseBytes: 0,
    attempts: [],
    usage,
    cost,
    proof: withKnown({ patches: patches ?? [] }, { requestDigest: facts?.requestDigest }),
  }
  return withKnown(abandoned, { requestedModel: facts?.requestedModel, route: exchange.route })
}

/** Puts an exchange's end together: pure, after all bytes are on their way, so that digests and prices delay nothing. */
export function settlementOf(parts: SettlementParts): Settlement {
  const { exchange, journey, outcome, status, relayed, endedAt, pricing, digests } = parts
  const body = exchange.bodyIfRead
  const request = journey.facts ?? (body && factsOf(exchange, body, undefined, digests))
  const usage = usageOf(parts, request)
  const facts = relayed?.meter.facts
  const [reply] = usage.lines
  const billedModel = reply?.role === 'lost-attempt' ? undefined : reply?.model
  // Of several tries, the head that is relayed need not be the last one's.
  const { headAt } = journey.outcome ?? journey.attempts.at(-1) ?? {}
  const requestId = relayed && headerValue(relayed.reply.headers, 'request-id')
  const upstreamRequestId = requestId === undefined ? undefined : keptText(requestId)
  const known = {
    headAt,
    firstByteAt: relayed?.relay.firstByteAt,
    status,
    requestedModel: request?.requestedModel,
    resolvedModel: request?.resolvedModel,
    billedModel,
    stopReason: facts?.stopReason,
    upstreamRequestId,
    messageId: facts?.messageId,
    route: exchange.route,
  }
  const settled = {
    ...asked(exchange),
    endedAt,
    outcome,
    isStream: relayed?.isStream ?? false,
    requestBytes: request?.bytes ?? 0,
    responseBytes: relayed?.relay.responseBytes ?? 0,
    attempts: journey.attempts,
    usage,
    cost: pricing.cost(usage, exchange.startedAt),
    proof: proofOf(parts, request),
  }
  return withKnown(settled, known)
}

/** What was asked of the gateway, and when. */
function asked({ id, startedAt, method, target }: LiveExchange): Pick<Settlement, 'exchangeId' | 'startedAt' | 'method' | 'path'> {
  return { exchangeId: id, startedAt, method, path: keptText(target.path) }
}

/** Failures of an attempt that are this side's doing. */
const hungUp: ReadonlySet<string> = new Set(['aborted', 'timeout'])

/** The reply's own usage, then what was lost on the way to it: billed too, and no part of the reply. */
function usageOf(parts: SettlementParts, request: RequestFacts | undefined): UsageReport {
  const usage = replyUsageOf(parts, request)
  const lost = parts.journey.lost ?? []
  if (lost.length === 0) return usage
  const lines = lost.flatMap((report) => report.lines.map((line) => ({ ...line, role: 'lost-attempt' })))
  return { ...usage, source: usage.source === 'none' ? 'partial' : usage.source, lines: [...usage.lines, ...lines], flags: [...usage.flags, 'lost-attempt'] }
}

function replyUsageOf({ exchange, journey, relayed }: SettlementParts, request: RequestFacts | undefined): UsageReport {
  const { resolvedModel = 'unknown', bytes = 0 } = request ?? {}
  if (relayed !== undefined) return relayed.isMetered ? relayed.meter.report(resolvedModel, bytes) : noUsage
  // The upstream had accepted, and a middleware gave its reply up: the upstream bills it all the same.
  const isGivenUp = journey.outcome !== undefined && journey.outcome.reply.status < 300
  // It was sent, and this side hung up before a word came: the upstream has had the prompt, and nobody else will say so.
  const isLeft =
    journey.outcome === undefined &&
    exchange.abortedBy !== undefined &&
    hungUp.has(journey.attempts.findLast(({ failure }) => failure !== 'not-allowed')?.failure ?? '')
  return exchange.createsMessage && (isGivenUp || isLeft) ? new MessageMeter().report(resolvedModel, bytes) : noUsage
}

function proofOf({ journey, relayed }: SettlementParts, request: RequestFacts | undefined): PassthroughProof {
  const { requestDigest, upstreamRequestDigest } = request ?? {}
  // Where a dialect turned the reply, the relay had what it made of it.
  const upstreamResponseDigest = relayed && (journey.outcome?.received?.value() ?? relayed.digest.received)
  return withKnown(
    { patches: journey.patches ?? [] },
    { requestDigest, upstreamRequestDigest, upstreamResponseDigest, responseDigest: relayed?.digest.delivered },
  )
}

type Defined<Parts> = { [Key in keyof Parts]?: Exclude<Parts[Key], undefined> }

/** Adds what is known to an object of one shape. In place and in order, so that the engine knows all settlements by few shapes: copying and writing one then costs a third. */
function withKnown<Whole extends object, Parts extends object>(whole: Whole, parts: Parts): Whole & Defined<Parts> {
  const known: Defined<Parts> = whole
  for (const key in parts) {
    const value = parts[key]
    if (value !== undefined) known[key] = value as Exclude<Parts[typeof key], undefined>
  }
  return whole
}
