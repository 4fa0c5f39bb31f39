import type { AttemptRecord } from '../entry/settlement.ts'
import { ConfigurationError, GatewayError } from '../errors.ts'
import type { LiveExchange } from '../exchange/live-exchange.ts'
import { applyPatches, replaceTopLevelString, type PatchedBody } from '../exchange/patch.ts'
import { RequestBody } from '../exchange/request-body.ts'
import type { Pricing } from '../meter/price.ts'
import type { Principal } from '../ports/key-ring.ts'
import { allowsModel } from '../ports/model-patterns.ts'
import type { HeaderList } from '../wire/header-list.ts'
import { readString } from '../wire/json-scan.ts'
import { keptText } from '../wire/kept-text.ts'
import { modelToKeep } from './journey.ts'
import type { Plan, Target } from './router.ts'
import type { Upstream } from './upstream.ts'

/** A target that the exchange may be sent to. */
export interface Way {
  readonly target: Target
  readonly upstream: Upstream
  /** The model that is asked for there, as a record keeps it; undefined where the request names none. */
  readonly model: string | undefined
  readonly credential: HeaderList
}

/** What ways are found with. */
export interface WayOptions {
  readonly upstreams: ReadonlyMap<string, Upstream>
  readonly pricing: Pricing
}

/** The targets of a plan that may be used, and those that were left out, as records. */
export interface Ways {
  readonly ways: readonly [Way, ...Way[]]
  readonly leftOut: readonly AttemptRecord[]
}

/**
 * Holds every target of a plan against what the key may use, the policy for unknown models and where the client's credential may go: what is refused to a request
 * is refused to its fallback too.
 *
 * @throws GatewayError the first target's refusal, where none is left
 * @throws ConfigurationError for an upstream that is not configured, whichever target names it: better at the first request than in an outage
 */
export function waysOf(exchange: LiveExchange, body: RequestBody, plan: Plan, options: WayOptions, at: number): Ways {
  const requested = exchange.isModelRequest ? modelToKeep(body) : undefined
  const ways: Way[] = []
  const leftOut: AttemptRecord[] = []
  let refusal: GatewayError | undefined
  for (const target of plan.targets) {
    const upstream = options.upstreams.get(target.upstream)
    if (upstream === undefined) throw new ConfigurationError('route', `chose the upstream "${target.upstream}", which is not configured.`)
    const model = exchange.isModelRequest && target.model !== undefined ? keptText(target.model) : requested
    try {
      checkAllowed(exchange, body, target, options.pricing)
      ways.push({ target, upstream, model, credential: upstream.credential.headersFor(exchange.headers, upstream.hostname) })
    } catch (cause) {
      if (!GatewayError.is(cause)) throw cause
      refusal ??= cause
      leftOut.push({ upstream: upstream.name, ...(model !== undefined && { model }), startedAt: at, failure: 'not-allowed' })
    }
  }
  const [first, ...others] = ways
  if (first === undefined) throw refusal as GatewayError
  return { ways: [first, ...others], leftOut }
}

/** The body for a target: the patches that were declared for the exchange, and the target's own model, both measured in the client's bytes. */
export function bodyFor({ target: { model } }: Way, exchange: LiveExchange, body: RequestBody): PatchedBody {
  const isOther = model !== undefined && model !== body.string('model')
  return applyPatches(body, isOther ? [...exchange.patches, replaceTopLevelString('model', model)] : exchange.patches)
}

/** A key may be bound to some upstreams and models; whatever the router chose, it goes nowhere else. */
function checkAllowed(exchange: LiveExchange, body: RequestBody, { upstream, model }: Target, pricing: Pricing): void {
  const { upstreams, models } = (exchange.context as { readonly principal?: Principal }).principal?.restrictions ?? {}
  if (upstreams !== undefined && !upstreams.includes(upstream)) throw notForKey('upstream')
  // The model that the client itself asked for was looked at with the key.
  if (exchange.isModelRequest && model !== undefined && models !== undefined && !allowsModel(models, model)) throw notForKey('model')
  checkPriced(exchange, model === undefined ? modelsOf(body) : [model], pricing)
}

function notForKey(what: 'upstream' | 'model'): GatewayError {
  return new GatewayError('credential-not-allowed', `This key may not use the ${what} that the request was routed to. Ask the gateway's operator.`)
}

/** Every model that a body names: of a repeated key one reader takes the first and another the last. At least one, known or not. */
function modelsOf(body: RequestBody): readonly (string | undefined)[] {
  const members = body.members('model')
  return members.length === 0 ? [undefined] : RequestBody.glance(body, () => members.map(({ start, end }) => readString(body.range(start, end))))
}

/** Refuses a model whose price is unknown, where the operator wants that rather than an assumption. */
function checkPriced(exchange: LiveExchange, models: readonly (string | undefined)[], pricing: Pricing): void {
  if (!exchange.createsMessage || pricing.unknownModel !== 'deny') return
  for (const model of models) {
    if (model !== undefined && pricing.find(model, exchange.startedAt) !== undefined) continue
    throw new GatewayError(
      'unknown-model',
      `The price of the model "${(model ?? '').slice(0, 80)}" is not known to this gateway, so it is not allowed. Ask its operator to add it.`,
    )
  }
}
