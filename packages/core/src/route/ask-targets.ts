import type { PatchNote } from '../entry/settlement.ts'
import type { LiveExchange } from '../exchange/exchange.ts'
import type { PatchedBody } from '../exchange/patch.ts'
import type { RequestBody } from '../exchange/request-body.ts'
import { GatewayError } from '../errors.ts'
import type { Clock } from '../host.ts'
import type { Transport } from '../ports/runtime.ts'
import type { DigestFactory } from '../wire/digest.ts'
import { attempt, type AttemptOutcome, type FailedTry } from './attempt.ts'
import type { Trial, TrialEnd } from './circuit.ts'
import { dialectUseOf, factsOf, type Journey, type RequestFacts } from './journey.ts'
import { patience } from './patience.ts'
import { trialEndOf, type UpstreamHealth } from './upstream-health.ts'
import { bodyFor, type Way } from './ways.ts'

/** How often, and with what knowledge, upstreams are asked for one client request. */
export interface AttemptOptions {
  /** Tries for one client request: fallbacks, and the one more on a kept-alive connection that turned out to be dead. @defaultValue 3 */
  readonly most?: number
  /** Is told of every try, and says which targets are asked last. @defaultValue none: targets are tried in the plan's order */
  readonly health?: UpstreamHealth
}

export const defaultAttemptOptions: { readonly most: number } = Object.freeze({ most: 3 })

/** {@link AttemptOptions}, checked. */
export interface AskLimits {
  readonly most: number
  readonly health: UpstreamHealth | undefined
}

/** What asking takes besides the exchange. */
export interface AskOptions extends AskLimits {
  readonly transport: Transport
  readonly clock: Clock
  readonly digests: DigestFactory
}

/** Answers by which an upstream says that it cannot, now; any other is the request's answer, wherever it is asked. */
const passing: ReadonlySet<number> = new Set([429, 500, 502, 503, 504, 529])

/** A failed reply that is kept until a better one is here: where none comes, the client gets it as it is. */
interface Held {
  readonly outcome: AttemptOutcome
  readonly facts: RequestFacts | undefined
  readonly patches: readonly PatchNote[] | undefined
}

/**
 * Asks the targets in their order for a reply's head, before the client has got a byte: within one deadline (the first upstream's `headMillis`) and one budget of
 * tries. Goes on from a target that cannot be reached, gives no head in its time, or answers with a status that another may better; never once the client has left.
 * Where the connection broke after the request was sent, only another upstream is asked. The last reply of any upstream is the exchange's: it hides behind no error
 * of the gateway's own. Replies that are passed over are cancelled. `sent` is the first way's body; of the others, patches are applied anew.
 *
 * @throws GatewayError `upstream-unreachable` or `upstream-timeout` where no upstream replied, or a dialect's refusal; whatever the exchange's signal was aborted
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
  const { clock, most, health } = options
  const endsAt = clock.now() + ways[0].upstream.deadlines.headMillis
  const budget = { left: most }
  const rest = [...ways]
  let held: Held | undefined
  let failed: FailedTry | undefined
  const mayGoOn = (): boolean => budget.left > 0 && clock.now() < endsAt && !exchange.signal.aborted
  try {
    for (let way = takeNext(rest, health); way !== undefined;) {
      const trial = health?.begin(way.upstream.name, way.model)
      const { end, isWholeWait } = await ask(exchange, journey, body, way, way === ways[0] ? sent : undefined, trial, endsAt, budget, options)
      trial?.end(trialEndFor(end, isWholeWait, clock.now()))
      if ('reply' in end) {
        held?.outcome.reply.body.cancel(passedOver())
        held = undefined
        const next = passing.has(end.reply.status) && mayGoOn() ? takeNext(rest, health) : undefined
        if (next === undefined) return end
        held = { outcome: end, facts: journey.facts, patches: journey.patches }
        way = next
      } else {
        if (exchange.signal.aborted) throw end.error
        // That another one does not take the request must not hide that the first was out.
        if (failed === undefined || end.failure !== 'not-prepared') failed = end
        const { upstream } = way
        way = end.next === 'nowhere' || !mayGoOn() ? undefined : takeNext(rest, health, (other) => end.next === 'anywhere' || other.upstream !== upstream)
      }
    }
    if (held !== undefined) {
      const { outcome, facts, patches } = held
      held = undefined
      journey.facts = facts
      journey.patches = patches
      return outcome
    }
    const { failure, error } = failed as FailedTry
    if (failure === 'timeout') exchange.abort('deadline', error)
    throw error
  } finally {
    held?.outcome.reply.body.cancel(passedOver())
  }
}

/** Takes the next way out of those that are left: the first that is not to be spared, else the first. */
function takeNext(rest: Way[], health: UpstreamHealth | undefined, isFit: (way: Way) => boolean = () => true): Way | undefined {
  const fit = rest.filter(isFit)
  const next = fit.find(({ upstream, model }) => health?.isAvoided(upstream.name, model) !== true) ?? fit[0]
  if (next !== undefined) rest.splice(rest.indexOf(next), 1)
  return next
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
  }
}

/** Where what was left of the deadline was less than its own time, an upstream has not failed. */
function trialEndFor(end: AttemptOutcome | FailedTry, isWholeWait: boolean, now: number): TrialEnd {
  if ('reply' in end) return trialEndOf(end.reply.status, end.reply.headers, now)
  const isFault = end.failure === 'connect' || end.failure === 'sent' || (end.failure === 'timeout' && isWholeWait)
  return { kind: isFault ? 'fault' : 'nothing' }
}

function overdue(upstream: string, millis: number): GatewayError {
  return new GatewayError('upstream-timeout', `The upstream "${upstream}" did not answer within ${millis} ms.`)
}

function passedOver(): Error {
  return new Error('another upstream was asked')
}
