import { ConfigurationError } from '../errors.ts'
import type { KeyRestrictions } from '../ports/key-ring.ts'
import { parseNetwork, type Network } from './networks.ts'

export { allowsModel } from '../ports/model-patterns.ts'

const names = ['models', 'upstreams', 'budgets', 'networks'] as const satisfies readonly (keyof KeyRestrictions)[]

const mostEntries = 100
const longestEntry = 200

/**
 * Checks restrictions as an admin wrote them. What is not understood is refused: a restriction that nobody enforces is worse than none.
 *
 * @throws ConfigurationError naming the field, and the fix
 */
export function checkRestrictions(restrictions: KeyRestrictions): KeyRestrictions {
  if (typeof restrictions !== 'object' || restrictions === null || Array.isArray(restrictions))
    throw new ConfigurationError('restrictions', 'has to be an object, such as { models: ["claude-haiku-*"] }.')
  for (const name of Object.keys(restrictions)) {
    if (!names.some((known) => known === name))
      throw new ConfigurationError('restrictions', `"${name.slice(0, 60)}" is not a restriction. There are ${names.join(', ')}.`)
  }
  const checked: Partial<Record<keyof KeyRestrictions, readonly string[]>> = {}
  for (const name of names) {
    if (restrictions[name] !== undefined) checked[name] = checkEntries(name, restrictions[name])
  }
  for (const model of checked.models ?? []) {
    if (/\*./.test(model))
      throw new ConfigurationError('restrictions.models', `"${model}" has its * before the end. Name a model, or the start of names: "claude-haiku-*".`)
  }
  for (const network of checked.networks ?? []) parseNetwork(network)
  return checked
}

function checkEntries(name: string, entries: readonly unknown[]): readonly string[] {
  if (!Array.isArray(entries) || entries.length === 0 || entries.length > mostEntries) {
    throw new ConfigurationError(
      `restrictions.${name}`,
      `has to be a list of 1 to ${mostEntries} texts. Leave it out to allow all; a key for nothing is no key.`,
    )
  }
  return entries.map((entry: unknown) => {
    if (typeof entry !== 'string' || entry === '' || entry.length > longestEntry || !/^[\x21-\x7e]+$/.test(entry))
      throw new ConfigurationError(`restrictions.${name}`, `has an entry that is not a text of 1 to ${longestEntry} characters without spaces.`)
    return entry
  })
}

const parsed = new WeakMap<readonly string[], readonly Network[]>()

/** Networks as they stand in a record, parsed once. One that cannot be parsed lets nobody in. */
export function parsedNetworks(texts: readonly string[]): readonly Network[] {
  let networks = parsed.get(texts)
  if (networks === undefined) {
    networks = texts.flatMap((text) => {
      try {
        return [parseNetwork(text)]
      } catch (error) {
        if (ConfigurationError.is(error)) return []
        throw error
      }
    })
    parsed.set(texts, networks)
  }
  return networks
}
