import { ConfigurationError, headerValues, type HeaderList } from '@sluice/core'
import type { BodyEdit } from '../json/body-edit.ts'
import { parseFieldPath, type FieldPath } from '../json/field-paths.ts'
import { checkCapabilities, type CapabilityTable, type UpstreamCapabilities, type UpstreamKind } from './capability-table.ts'

/** A table, or what returns the one in force: a function is asked for each request, so a new table counts from the next one on. */
export type Capabilities = CapabilityTable | (() => CapabilityTable)

/** What is to be done about a request's betas for one upstream. */
export interface BetaVerdict {
  /** What goes on, under the upstream's names, in the request's order. */
  readonly sent: readonly string[]
  readonly stripped: readonly string[]
  /** The body fields that go with what is stripped, and nothing that stays needs. */
  readonly fields: readonly FieldPath[]
  /** True where `sent` is what came in. */
  readonly isUnchanged: boolean
}

/** Shows the client what was taken from its request. */
export const strippedBetasHeader = 'x-sluice-stripped-betas'

const takesEverything: UpstreamCapabilities = { refusedBetas: [], renamedBetas: {}, stripsBillingBlock: false, sources: [] }
const billingBlock = parseFieldPath('system[text^=x-anthropic-billing-header:]') as FieldPath

/** A kind of upstream, and what it takes. */
export interface Fitting {
  /** Judges the betas of a request. */
  readonly judge: (betas: readonly string[]) => BetaVerdict
  /** Takes out of a body what the verdict and the table say. */
  readonly trim: (edit: BodyEdit, verdict: BetaVerdict) => void
}

/**
 * The table's word on one kind of upstream. A table that is given as it is, is checked here.
 *
 * @throws ConfigurationError where the table is not valid
 */
export function fittingFor(kind: UpstreamKind, capabilities: Capabilities): () => Fitting {
  const current = typeof capabilities === 'function' ? capabilities : () => checked
  const checked = checkCapabilities(current === capabilities ? current() : capabilities)
  const made = new WeakMap<CapabilityTable, Fitting>()
  return () => {
    const table = current()
    const known = made.get(table)
    if (known !== undefined) return known
    const fitting = fit(table, table.upstreams[kind] ?? takesEverything)
    made.set(table, fitting)
    return fitting
  }
}

function fit(table: CapabilityTable, { refusedBetas, renamedBetas, stripsBillingBlock }: UpstreamCapabilities): Fitting {
  const refused: ReadonlySet<string> = new Set(refusedBetas)
  const fieldsOf = (betas: readonly string[]): readonly string[] =>
    betas.flatMap((beta) => (Object.hasOwn(table.betas, beta) ? (table.betas[beta]?.fields ?? []) : []))
  return {
    judge: (betas) => {
      const stripped = betas.filter((beta) => refused.has(beta))
      const isUnchanged = stripped.length === 0 && !betas.some((beta) => Object.hasOwn(renamedBetas, beta))
      if (isUnchanged) return { sent: betas, stripped, fields: [], isUnchanged }
      const kept = betas.filter((beta) => !refused.has(beta))
      const sent = [...new Set(kept.map((beta) => (Object.hasOwn(renamedBetas, beta) ? (renamedBetas[beta] as string) : beta)))]
      const needed = new Set(fieldsOf(kept))
      const fields = [...new Set(fieldsOf(stripped))].filter((field) => !needed.has(field)).map(pathOf)
      return { sent, stripped: [...new Set(stripped)], fields, isUnchanged }
    },
    trim: (edit, { fields }) => {
      const paths = stripsBillingBlock ? [...fields, billingBlock] : fields
      if (paths.length > 0) edit.removeFields(paths, 'stripped')
    },
  }
}

function pathOf(text: string): FieldPath {
  const path = parseFieldPath(text)
  if (path === undefined) throw new ConfigurationError('capabilities', `"${text}" is no path. Read tables with checkCapabilities().`)
  return path
}

/** The betas of a request's headers, as one list. */
export function betasOf(headers: HeaderList): readonly string[] {
  return headerValues(headers, 'anthropic-beta').flatMap(tokensOf)
}

/** The headers with what the verdict leaves of their betas, each in the line it came in. Untouched where nothing changes. */
export function withBetas(headers: HeaderList, { sent, isUnchanged }: BetaVerdict): HeaderList {
  if (isUnchanged) return headers
  const at = headers.findIndex(([name]) => name.toLowerCase() === 'anthropic-beta')
  return headers.flatMap(([name, value], index) => {
    if (name.toLowerCase() !== 'anthropic-beta') return [[name, value] as const]
    return index === at && sent.length > 0 ? [[name, sent.join(',')] as const] : []
  })
}

/** What the reply is to say of the verdict. */
export function strippedHeaders({ stripped }: BetaVerdict): HeaderList {
  return stripped.length === 0 ? [] : [[strippedBetasHeader, stripped.join(',')]]
}

function tokensOf(value: string): readonly string[] {
  return value
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
}
