import type { Attribution } from '../entry/attribution.ts'
import { ConfigurationError } from '../errors.ts'
import type { Exchange } from '../exchange/exchange.ts'
import type { Principal } from '../ports/key-ring.ts'
import type { Plan, Router, Target } from './router.ts'
import { weightedOrder } from './weighted-order.ts'

/** A target, and its share. */
export interface AffineTarget extends Target {
  /** Its share of the sessions, against the others' weights. @defaultValue 1 */
  readonly weight?: number
}

/** Options of {@link sessionAffine}. */
export interface SessionAffineOptions {
  /** At least one. Those that serve the same model: a session that moves to another model loses more than its cache. */
  readonly targets: readonly AffineTarget[]
  /** What stays together; undefined for what belongs to nothing. @defaultValue the key, the session and the agent */
  readonly key?: (exchange: Exchange) => string | undefined
}

/**
 * A router that spreads sessions over targets and keeps each where its prompt cache is: by rendezvous hashing, so that every process chooses alike without asking
 * another, and the removal of a target moves only its own share. What belongs to no session is spread by weight, exchange by exchange. The other targets follow in
 * the session's own order, for failover: of a target that is out, each session moves to the same other one. Comes after `attribute()`.
 *
 * @throws ConfigurationError for no target, one that is named twice, or a weight that is not a positive number
 */
export function sessionAffine({ targets, key = sessionKey }: SessionAffineOptions): Router {
  if (targets.length === 0) throw new ConfigurationError('targets', 'is empty. Name at least one, such as { upstream: "anthropic" }.')
  const names = targets.map(nameOf)
  for (const [index, { weight = 1 }] of targets.entries()) {
    if (!(weight > 0 && weight < Infinity)) throw new ConfigurationError(`targets[${index}].weight`, `${weight} is not a positive number.`)
    if (names.indexOf(names[index] as string) !== index)
      throw new ConfigurationError(`targets[${index}]`, 'is there twice. Give one of them the weight of both.')
  }
  const weighted = targets.map(({ weight = 1, ...target }) => ({ weight, target }))
  return (exchange) => {
    const ordered = weightedOrder(key(exchange) ?? exchange.id, weighted, ({ target }) => nameOf(target))
    return { targets: ordered.map(({ target }) => target) as unknown as Plan['targets'] }
  }
}

function nameOf({ upstream, model }: Target): string {
  return `${upstream} ${model ?? ''}`
}

interface SessionContext {
  readonly attribution?: Attribution
  readonly principal?: Principal
}

/** An agent of a session has a prompt, and so a cache, of its own. Older clients give their agents no id. */
function sessionKey({ context }: Exchange): string | undefined {
  const { attribution, principal } = context as SessionContext
  if (attribution?.session === undefined) return undefined
  const { session, agent, kind } = attribution
  return JSON.stringify([principal?.keyId ?? null, session.value, agent?.value ?? (kind.value === 'sub-agent' ? 'sub-agent' : null)])
}
