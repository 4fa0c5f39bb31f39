import { ConfigurationError } from '@sluice/core'
import { parseFieldPath } from '../json/field-paths.ts'

/** What an upstream is, as far as its abilities go. `anthropic` is the first party: nothing is ever taken from a request to it. */
export type UpstreamKind = 'anthropic' | 'bedrock-mantle' | 'bedrock-invoke' | 'vertex' | 'foundry' | 'messages-compatible'

/** A beta, and the body fields that only it makes valid: they go together or stay together. */
export interface BetaUnit {
  /** Where the fields stand: `context_management`, `tools[].defer_loading`, `**.cache_control.scope`, `messages[].content[type=tool_addition]`. */
  readonly fields: readonly string[]
  /** Where this is known from. */
  readonly source: string
}

/** What one kind of upstream does not take. */
export interface UpstreamCapabilities {
  /** Betas to strip, each with its fields. Every one is in the table's `betas`. */
  readonly refusedBetas: readonly string[]
  /** Betas that this upstream knows by another name. */
  readonly renamedBetas: Readonly<Record<string, string>>
  /** True where Claude Code's `x-anthropic-billing-header` system block, which the first party reads and drops, would stand in the prompt. */
  readonly stripsBillingBlock: boolean
  /** Where this is known from. */
  readonly sources: readonly string[]
}

/** What upstreams do not take, as data: replace it while the gateway runs. What it does not name passes everywhere. */
export interface CapabilityTable {
  /** Says which table this is, such as a date. */
  readonly version: string
  readonly betas: Readonly<Record<string, BetaUnit>>
  /** A kind that is missing takes everything. */
  readonly upstreams: Readonly<Partial<Record<UpstreamKind, UpstreamCapabilities>>>
}

const kinds: readonly UpstreamKind[] = ['anthropic', 'bedrock-mantle', 'bedrock-invoke', 'vertex', 'foundry', 'messages-compatible']
const token = /^[\w.-]{1,80}$/

/**
 * Reads a capability table from JSON, as text or parsed: the whole of it is checked before any of it counts, so an invalid document leaves the old one in force.
 * Reading a table that has been read before gives an equal one.
 *
 * @throws ConfigurationError naming the member, what was seen, and the fix
 */
export function checkCapabilities(json: unknown): CapabilityTable {
  const table = objectAt(typeof json === 'string' ? parsed(json) : json, 'capabilities', ['version', 'betas', 'upstreams'])
  const betas: Record<string, BetaUnit> = Object.fromEntries(
    entriesAt(table['betas'], 'capabilities.betas').map(([beta, value]) => [
      checkToken(beta, 'capabilities.betas'),
      betaAt(value, `capabilities.betas["${beta}"]`),
    ]),
  )
  const upstreams = Object.fromEntries(
    entriesAt(table['upstreams'], 'capabilities.upstreams').map(([kind, value]) => {
      const path = `capabilities.upstreams["${kind}"]`
      if (!kinds.includes(kind as UpstreamKind)) throw new ConfigurationError(path, `is no kind of upstream. Use one of ${kinds.join(', ')}.`)
      return [kind, upstreamAt(value, path, betas, kind === 'anthropic')]
    }),
  )
  return Object.freeze({ version: textAt(table['version'], 'capabilities.version'), betas: Object.freeze(betas), upstreams: Object.freeze(upstreams) })
}

function betaAt(value: unknown, path: string): BetaUnit {
  const unit = objectAt(value, path, ['fields', 'source'])
  const fields = textsAt(unit['fields'], `${path}.fields`)
  for (const field of fields) {
    if (parseFieldPath(field) === undefined)
      throw new ConfigurationError(
        `${path}.fields`,
        `"${field}" is no path. Write it like "context_management", "tools[].defer_loading" or "**.cache_control.scope".`,
      )
  }
  return Object.freeze({ fields, source: textAt(unit['source'], `${path}.source`) })
}

function upstreamAt(value: unknown, path: string, betas: Readonly<Record<string, BetaUnit>>, isFirstParty: boolean): UpstreamCapabilities {
  const upstream = objectAt(value, path, ['refusedBetas', 'renamedBetas', 'stripsBillingBlock', 'sources'])
  const refusedBetas = textsAt(upstream['refusedBetas'], `${path}.refusedBetas`)
  for (const beta of refusedBetas) {
    if (!Object.hasOwn(betas, beta))
      throw new ConfigurationError(
        `${path}.refusedBetas`,
        `"${beta}" is not in capabilities.betas. Add it there with the body fields that go with it, or with none.`,
      )
  }
  const renamedBetas: Record<string, string> = Object.fromEntries(
    entriesAt(upstream['renamedBetas'], `${path}.renamedBetas`).map(([from, to]) => [
      checkToken(from, `${path}.renamedBetas`),
      checkToken(textAt(to, `${path}.renamedBetas["${from}"]`), `${path}.renamedBetas`),
    ]),
  )
  const stripsBillingBlock = upstream['stripsBillingBlock']
  if (typeof stripsBillingBlock !== 'boolean') throw new ConfigurationError(`${path}.stripsBillingBlock`, 'is missing. Say true or false.')
  if (isFirstParty && (refusedBetas.length > 0 || Object.keys(renamedBetas).length > 0 || stripsBillingBlock))
    throw new ConfigurationError(
      path,
      "takes something out of requests to the first party, which takes everything. Leave it empty, or use the upstream's own kind.",
    )
  const both = refusedBetas.find((beta) => Object.hasOwn(renamedBetas, beta))
  if (both !== undefined) throw new ConfigurationError(`${path}.renamedBetas`, `"${both}" is refused too. Keep it in one of the two.`)
  return Object.freeze({
    refusedBetas,
    renamedBetas: Object.freeze(renamedBetas),
    stripsBillingBlock,
    sources: textsAt(upstream['sources'], `${path}.sources`),
  })
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new ConfigurationError('capabilities', 'is not valid JSON.', { cause })
  }
}

function objectAt(value: unknown, path: string, keys: readonly string[]): Readonly<Record<string, unknown>> {
  const entries = entriesAt(value, path)
  const unknown = entries.find(([key]) => !keys.includes(key))
  if (unknown !== undefined) throw new ConfigurationError(`${path}.${unknown[0]}`, `is not known. Use ${keys.join(', ')}.`)
  return Object.fromEntries(entries)
}

function entriesAt(value: unknown, path: string): readonly (readonly [string, unknown])[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new ConfigurationError(path, 'is not an object.')
  return Object.entries(value)
}

function textsAt(value: unknown, path: string): readonly string[] {
  if (!Array.isArray(value)) throw new ConfigurationError(path, 'is not a list of texts.')
  return Object.freeze(value.map((item, index) => textAt(item, `${path}[${index}]`)))
}

function textAt(value: unknown, path: string): string {
  if (typeof value !== 'string' || value === '' || value.length > 500) throw new ConfigurationError(path, 'is not a text of 1 to 500 characters.')
  return value
}

function checkToken(text: string, path: string): string {
  if (!token.test(text)) throw new ConfigurationError(path, `"${text.slice(0, 80)}" is no beta. Betas are letters, digits, "-", "_" and ".".`)
  return text
}
