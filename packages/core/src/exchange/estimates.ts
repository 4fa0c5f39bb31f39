import type { Attribution } from '../entry/attribution.ts'
import type { Host } from '../host.ts'
import { largestContext, mostUsage, roughUsage, type RequestSize } from '../meter/rough-estimate.ts'
import type { UsageReport } from '../meter/usage.ts'
import type { Principal } from '../ports/key-ring.ts'
import type { HeaderList } from '../wire/header-list.ts'
import type { RequestBody } from './request-body.ts'
import { requestSize } from './request-size.ts'

/** Makes the estimates of one gateway. */
export type EstimateSource = (host: Host) => Estimates

/** Says what requests will use before they are sent. One for a gateway: it may learn from what its exchanges came to. */
export interface Estimates {
  /** Asked at most once for an exchange, and only where somebody wants to know. @throws GatewayError where the body cannot be read */
  readonly of: (question: EstimateQuestion) => Promise<UsageEstimate>
}

/** Context that estimates go by, where middleware has added it. */
export interface EstimateContext {
  readonly attribution?: Attribution
  readonly principal?: Principal
}

/** A request, as its estimate is asked for. */
export interface EstimateQuestion {
  readonly exchangeId: string
  readonly body: RequestBody
  readonly context: EstimateContext
  readonly headers: HeaderList
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly signal: AbortSignal
}

/** What one request will use at one model. */
export interface UsageEstimate {
  readonly model: string
  /** What such requests came to of late; good for nine in ten. */
  readonly likely: () => UsageReport
  /** More than it can come to, but for what server tools read. `body`: the request's; undefined once it has been let go, since an estimate is kept for longer. */
  readonly most: (body: RequestBody | undefined) => UsageReport
  /** The same request at another model. */
  readonly withModel: (model: string) => UsageEstimate
  /** Told once what the exchange came to. */
  readonly learn: (usage: UsageReport) => void
}

/**
 * By how long requests are, and nothing else. What a gateway goes by where nothing brings better ones, as `budget()` and `policyRouter()` do: good enough for what is booked
 * of an exchange that a crash cuts off.
 */
export const roughEstimates: EstimateSource = () => ({
  of: ({ body }) => Promise.resolve(roughEstimate(requestSize(body))),
})

function roughEstimate(size: RequestSize): UsageEstimate {
  return {
    model: size.model,
    likely: () => roughUsage(size),
    most: () => mostUsage(size, largestContext),
    withModel: (model) => roughEstimate({ ...size, model }),
    learn: () => undefined,
  }
}
