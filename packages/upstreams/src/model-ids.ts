import { ConfigurationError, GatewayError } from '@sluice/core'

/** An upstream's own id of a model. */
export interface ModelId {
  readonly id: string
  /** The id to count tokens with, where it is another one; `false` where this model's tokens cannot be counted there. */
  readonly countTokens?: string | false
}

/** Which of an upstream's ids stands for a model, by the name that clients ask for. */
export type ModelIds = Readonly<Record<string, string | ModelId>>

/** What every cloud's ids are made of: letters, digits, and for ARNs `:` and `/`. */
const idGrammar = /^[\w.@:/-]{1,2048}$/

/**
 * The ids, checked. A client may also ask by an id itself, where the map holds it.
 *
 * @throws ConfigurationError for an id that no upstream has
 */
export function checkModelIds(option: string, models: ModelIds): (model: string) => ModelId | undefined {
  const byName = new Map<string, ModelId>()
  const entries = Object.entries(models).map(([name, value]) => [name, typeof value === 'string' ? { id: value } : value] as const)
  for (const [name, { id, countTokens }] of entries) {
    for (const each of [id, countTokens]) {
      if (typeof each === 'string' && !idGrammar.test(each)) throw new ConfigurationError(`${option}["${name}"]`, `"${each.slice(0, 80)}" is no model id.`)
    }
    byName.set(name, { id, ...(countTokens !== undefined && { countTokens }) })
  }
  for (const [, model] of entries) if (!byName.has(model.id)) byName.set(model.id, model)
  return (model) => byName.get(model)
}

/** The answer to a model that an upstream has no id for: what the API itself answers to one that it does not know. */
export function unknownModel(upstream: string, model: string): GatewayError {
  return new GatewayError(
    'unknown-model',
    `The upstream "${upstream}" has no model "${model.slice(0, 80)}". Ask the gateway's operator to name its id there.`,
    {
      status: 404,
      type: 'not_found_error',
    },
  )
}

/** The answer to a body without a model: the id stands in the path here. */
export function missingModel(): GatewayError {
  return new GatewayError('malformed-body', 'The request body has no "model". Name one.', { status: 400 })
}

/** The answer to a request that an upstream has no route for. */
export function missingRoute(upstream: string, path: string): GatewayError {
  return new GatewayError('unknown-route', `The upstream "${upstream}" has messages and token counts only, not ${path.slice(0, 80)}.`)
}
