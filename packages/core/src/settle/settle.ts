import type { LiveExchange, PricedUsage } from '../exchange/exchange.ts'
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
  return {
    exchangeId: exchange.id,
    startedAt: exchange.startedAt,
    endedAt: exchange.startedAt,
    method: exchange.method,
    path: keptText(exchange.target.path),
    outcome: { kind: 'cut', error: { origin: 'gateway', code: 'gateway-crashed' } },
    isStream: false,
    requestBytes: facts?.bytes ?? 0,
    responseBytes: 0,
    attempts: [],
    usage,
    cost,
    proof: { ...withoutUndefined({ requestDigest: facts?.requestDigest }), patches: patches ?? [] },
    ...withoutUndefined({ requestedModel: facts?.requestedModel, route: exchange.route }),
  }
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
  // Of several tries that failed, the last head is relayed, and it need not be the last try's.
  const answered = journey.outcome === undefined ? journey.attempts.at(-1) : journey.attempts.findLast((attempt) => attempt.headAt !== undefined)
  const headAt = answered?.headAt
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
  return {
    exchangeId: exchange.id,
    startedAt: exchange.startedAt,
    endedAt,
    method: exchange.method,
    path: keptText(exchange.target.path),
    outcome,
    isStream: relayed?.isStream ?? false,
    requestBytes: request?.bytes ?? 0,
    responseBytes: relayed?.relay.responseBytes ?? 0,
    attempts: journey.attempts,
    usage,
    cost: pricing.cost(usage, exchange.startedAt),
    proof: proofOf(parts, request),
    ...withoutUndefined(known),
  }
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
  return {
    ...withoutUndefined({ requestDigest, upstreamRequestDigest, upstreamResponseDigest, responseDigest: relayed?.digest.delivered }),
    patches: journey.patches ?? [],
  }
}

type Defined<Parts> = { [Key in keyof Parts]?: Exclude<Parts[Key], undefined> }

function withoutUndefined<Parts extends object>(parts: Parts): Defined<Parts> {
  return Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined)) as Defined<Parts>
}
