import type { PatchNote } from '../entry/settlement.ts'
import type { LiveExchange } from '../exchange/live-exchange.ts'
import type { PatchedBody } from '../exchange/patch.ts'
import type { RequestBody } from '../exchange/request-body.ts'
import { GatewayError } from '../errors.ts'
import type { Clock } from '../host.ts'
import type { UsageReport } from '../meter/usage.ts'
import type { Transport, UpstreamReply } from '../ports/runtime.ts'
import type { DigestFactory } from '../wire/digest.ts'
import type { HeadHold, HeldHead, HeldVerdict } from './first-content.ts'
import { attempt, type AttemptOutcome, type FailedTry } from './attempt.ts'
import { dialectUseOf, factsOf, type Journey, type RequestFacts } from './journey.ts'
import { patience } from './patience.ts'
import type { Trial, TrialEnd, UpstreamHealth } from './upstream-health.ts'
import { bodyFor, type Way } from './ways.ts'

/** How often, and with what knowledge, upstreams are asked for one client request. */
export interface AttemptOptions {
  /** Tries for one client request: fallbacks, and the one more on a kept-alive connection that turned out to be dead. @defaultValue 3 */
  readonly most?: number
  /** Is told of every try, and says which targets are asked last. @defaultValue none: targets are tried in the plan's order */
  readonly health?: UpstreamHealth
  /**
   * Holds the head of a stream back until its first content is here, so that a stream that dies before is replaced by another target's, and nobody sees it:
   * `headHold()`. Holds nothing where no other upstream could be asked. @defaultValue never: a reply is handed on from its head on
   */
  readonly firstContent?: HeadHold
}

export const defaultAttemptOptions: { readonly most: number } = Object.freeze({ most: 3 })

/** {@link AttemptOptions}, checked. */
export interface AskLimits {
  readonly most: number
  readonly health: UpstreamHealth | undefined
  readonly firstContent: HeadHold | undefined
}

/** What asking takes besides the exchange. */
export interface AskOptions extends AskLimits {
  readonly transport: Transport
  readonly clock: Clock
  readonly digests: DigestFactory
}

/** Answers by which an upstream says that it cannot, now; any other is the request's answer, wherever it is asked. */
const passing: ReadonlySet<number> = new Set([429, 500, 502, 503, 504, 529])

/** A reply that is kept until a better one is here: where none comes, the client gets it as it is. */
interface Held {
  readonly outcome: AttemptOutcome
  readonly facts: RequestFacts | undefined
  readonly patches: readonly PatchNote[] | undefined
  /** What a stream without content has cost: it counts as lost as long as it is not handed on after all. */
  readonly lost: UsageReport | undefined
  /** True of a stream that is only silent: it may still come to something, as no error may. */
  readonly isAlive: boolean
}

/**
 * Asks the targets in their order for a reply's head, before the client has got a byte: within one deadline (the first upstream's `headMillis`) and one budget of
 * tries. Goes on from a target that cannot be reached, gives no head in its time, or answers with a status that another may better; with `firstContent` also from a
 * stream that dies before its first content, or is silent for too long; never once the client has left.
 * Where the connection broke after the request was sent, only another upstream is asked. The last reply of any upstream is the exchange's: it hides behind no error
 * of the gateway's own. Replies that are passed over are cancelled. Targets for another model are checked first, see
 * `Exchange.checkTargets`, and left out where they are refused. `sent` is the first way's body; of the others, patches are applied anew.
 *
 * @throws GatewayError `upstream-unreachable` or `upstream-timeout` where no upstream replied, a dialect's refusal, or a check's where no target passed;  whatever the exchange's signal was aborted
 * with, after an abort; whatever a dialect threw
 */
export async function askTargets(
  exchange: LiveExchange,
  journey: Journey,
  body: RequestBody,
  ways: readonly [Way, ...Way[]],
  sent: PatchedBody,
  options: AskOptions,
): Promise<AttemptOutcome> {
  const { clock, most, health, firstContent } = options
  const endsAt = clock.now() + ways[0].upstream.deadlines.headMillis
  const budget = { left: most }
  const rest = [...ways]
  let held: Held | undefined
  let failed: FailedTry | undefined
  let refusal: GatewayError | undefined
  const mayGoOn = (): boolean => budget.left > 0 && clock.now() < endsAt && !exchange.signal.aborted
  try {
    for (let way = takeNext(rest, health); way !== undefined;) {
      const forbidden = exchange.targetChecks === undefined ? undefined : await refusalOf(exchange, way)
      if (forbidden !== undefined) {
        refusal ??= forbidden
        leaveOut(journey, way, clock.now())
        way = takeNext(rest, health)
        continue
      }
      const trial = health?.begin(way.upstream.name, way.model)
      const { end, isWholeWait } = await ask(exchange, journey, body, way, way === ways[0] ? sent : undefined, trial, endsAt, budget, options)
      if ('reply' in end) {
        const head = firstContent === undefined ? undefined : await firstContentOf(exchange, end.reply, way, rest, mayGoOn, endsAt, firstContent, clock)
        trial?.end(
          head === undefined || head.verdict === 'let-go' ? { kind: 'replied', status: end.reply.status, headers: end.reply.headers } : trialEnds[head.verdict],
        )
        const outcome = head === undefined ? end : { ...end, reply: head.reply }
        const isEmpty = head !== undefined && head.verdict !== 'let-go'
        const isAlive = head?.verdict === 'silent'
        if (isAlive || head?.verdict === 'broken') askElsewhere(rest, way)
        if (!isEmpty && !passing.has(end.reply.status)) return outcome
        const next = mayGoOn() ? takeNext(rest, health) : undefined
        if (next === undefined && held?.isAlive !== true) return outcome
        const lost = isEmpty ? countAsLost(journey, head) : undefined
        if (held?.isAlive === true) outcome.reply.body.cancel(passedOver())
        else {
          held?.outcome.reply.body.cancel(passedOver())
          held = { outcome, facts: journey.facts, patches: journey.patches, lost, isAlive }
        }
        way = next
      } else {
        trial?.end(trialEndFor(end, isWholeWait))
        if (exchange.signal.aborted) throw end.error
        // That another one does not take the request must not hide that the first was out.
        if (failed === undefined || end.failure !== 'not-prepared') failed = end
        if (end.next === 'elsewhere') askElsewhere(rest, way)
        way = end.next === 'nowhere' || !mayGoOn() ? undefined : takeNext(rest, health)
      }
    }
    if (held !== undefined) {
      const { outcome, facts, patches, lost } = held
      held = undefined
      if (lost !== undefined) journey.lost = journey.lost?.filter((report) => report !== lost)
      journey.facts = facts
      journey.patches = patches
      return outcome
    }
    if (failed === undefined) throw refusal as GatewayError
    const { failure, error } = failed
    if (failure === 'timeout') exchange.abort('deadline', error)
    throw error
  } finally {
    held?.outcome.reply.body.cancel(passedOver())
  }
}

/** Takes the next way out of those that are left: the first that is not to be spared, else the first. */
function takeNext(rest: Way[], health: UpstreamHealth | undefined): Way | undefined {
  const next = rest.find(({ upstream, model }) => health?.isAvoided(upstream.name, model) !== true) ?? rest[0]
  if (next !== undefined) rest.splice(rest.indexOf(next), 1)
  return next
}

/** An upstream that may be at work on the request is not asked again, for another model either. */
function askElsewhere(rest: Way[], { upstream }: Way): void {
  for (let index = rest.length - 1; index >= 0; index -= 1) if (rest[index]?.upstream === upstream) rest.splice(index, 1)
}

/** Why a target may not be asked after all; undefined where it may, as may every one for the model that the client named. */
async function refusalOf(exchange: LiveExchange, { target: { upstream, model } }: Way): Promise<GatewayError | undefined> {
  if (model === undefined || !exchange.createsMessage) return undefined
  try {
    for (const check of exchange.targetChecks ?? []) await check({ upstream, model })
    return undefined
  } catch (cause) {
    if (!GatewayError.is(cause)) throw cause
    return cause
  }
}

/** Stands in the record as a target that was passed by. */
function leaveOut(journey: Journey, { upstream, model }: Way, startedAt: number): void {
  journey.attempts.push({ upstream: upstream.name, ...(model !== undefined && { model }), startedAt, failure: 'not-allowed' })
}

/** Asks one target: once, and once more where a kept-alive connection was dead before any byte of a reply, nearly always because the peer had closed it while it was idle. */
async function ask(
  exchange: LiveExchange,
  journey: Journey,
  body: RequestBody,
  way: Way,
  first: PatchedBody | undefined,
  trial: Trial | undefined,
  endsAt: number,
  budget: { left: number },
  { transport, clock, digests }: AskOptions,
): Promise<{ readonly end: AttemptOutcome | FailedTry; readonly isWholeWait: boolean }> {
  const { upstream, target } = way
  const wait = target.headMillis ?? upstream.deadlines.headMillis
  const left = endsAt - clock.now()
  const millis = Math.min(wait, left)
  const waiting = patience(exchange.signal, clock, millis, () => overdue(upstream.name, millis))
  try {
    const sent = first ?? bodyFor(way, exchange, body)
    journey.patches = sent.notes
    journey.facts = undefined
    const use = dialectUseOf(exchange, journey, upstream, body, sent, digests, waiting.signal)
    const parts = { way, body: sent.chunks, transport, clock, records: journey.attempts, use, patience: waiting }
    budget.left -= 1
    const asking = attempt(exchange, parts)
    // While the upstream is at work: what is read of the request here delays nobody.
    journey.facts ??= factsOf(exchange, body, sent, digests, use !== undefined)
    let end = await asking
    if ('failure' in end && end.failure === 'stale-connection' && end.next !== 'nowhere' && budget.left > 0) {
      budget.left -= 1
      end = await attempt(exchange, parts)
    }
    return { end, isWholeWait: millis === wait }
  } catch (cause) {
    trial?.end({ kind: 'nothing' })
    throw cause
  } finally {
    waiting.stop()
    // A transport looks at it up to the head only, a dialect for as long as it adapts the reply.
    if (upstream.dialect === undefined) waiting.leave()
  }
}

/** Holds a stream's head where another upstream could still be asked; undefined where there is nothing to wait for. */
async function firstContentOf(
  { createsMessage, signal }: LiveExchange,
  reply: UpstreamReply,
  { upstream }: Way,
  rest: readonly Way[],
  mayGoOn: () => boolean,
  endsAt: number,
  firstContent: HeadHold,
  clock: Clock,
): Promise<HeldHead | undefined> {
  if (!createsMessage || !mayGoOn() || !rest.some((other) => other.upstream !== upstream)) return undefined
  const head = await firstContent.hold(reply, endsAt - clock.now(), clock, signal)
  return head?.verdict === 'silent' && !mayGoOn() ? { ...head, verdict: 'let-go' } : head
}

const trialEnds: Readonly<Record<Exclude<HeldVerdict, 'let-go'>, TrialEnd>> = {
  silent: { kind: 'fault' },
  broken: { kind: 'fault' },
  failed: { kind: 'fault' },
  busy: { kind: 'load', retryAfterMillis: undefined },
}

/** A stream without content had its prompt read, and is billed. */
function countAsLost(journey: Journey, { usage }: HeldHead): UsageReport {
  const { resolvedModel = 'unknown', bytes = 0 } = journey.facts ?? {}
  const lost = usage(resolvedModel, bytes)
  journey.lost = [...(journey.lost ?? []), lost]
  const last = journey.attempts.pop()
  if (last !== undefined) journey.attempts.push({ ...last, failure: 'no-content' })
  return lost
}

/** Where what was left of the deadline was less than its own time, an upstream has not failed. */
function trialEndFor(end: FailedTry, isWholeWait: boolean): TrialEnd {
  const isFault = end.failure === 'connect' || end.failure === 'sent' || (end.failure === 'timeout' && isWholeWait)
  return { kind: isFault ? 'fault' : 'nothing' }
}

function overdue(upstream: string, millis: number): GatewayError {
  return new GatewayError('upstream-timeout', `The upstream "${upstream}" did not answer within ${millis} ms.`)
}

function passedOver(): Error {
  return new Error('another upstream was asked')
}
