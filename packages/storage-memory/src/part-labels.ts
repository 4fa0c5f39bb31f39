import { entryDimensions, type EntryDimension } from '@sluice/core/ledger'
import type { Dictionary } from './dictionary.ts'
import type { PartColumns } from './part-columns.ts'

/** What a part has labels for. */
export const partDimensions: readonly EntryDimension[] = entryDimensions

/** The labels of a part, as numbers of a {@link Dictionary}. */
export type PartLabels = Readonly<Record<EntryDimension, number>>

/** Takes a use of each of a part's labels. */
export function takeLabels(dictionary: Dictionary, part: Readonly<Record<EntryDimension, string | null>>): PartLabels {
  return {
    session: dictionary.take(part.session),
    developer: dictionary.take(part.developer),
    repository: dictionary.take(part.repository),
    model: dictionary.take(part.model),
    agent: dictionary.take(part.agent),
    kind: dictionary.take(part.kind),
    outcome: dictionary.take(part.outcome),
    key: dictionary.take(part.key),
    scope: dictionary.take(part.scope),
    organisation: dictionary.take(part.organisation),
    businessUnit: dictionary.take(part.businessUnit),
    subBusinessUnit: dictionary.take(part.subBusinessUnit),
    costCentre: dictionary.take(part.costCentre),
  }
}

/** Takes the uses back. */
export function releaseLabels(dictionary: Dictionary, labels: PartLabels): void {
  for (const dimension of partDimensions) dictionary.release(labels[dimension])
}

/** The labels in a row of columns. */
export function labelsIn(columns: PartColumns, at: number): PartLabels {
  const label = (column: Uint32Array): number => column[at] as number
  return {
    session: label(columns.session),
    developer: label(columns.developer),
    repository: label(columns.repository),
    model: label(columns.model),
    agent: label(columns.agent),
    kind: label(columns.kind),
    outcome: label(columns.outcome),
    key: label(columns.key),
    scope: label(columns.scope),
    organisation: label(columns.organisation),
    businessUnit: label(columns.businessUnit),
    subBusinessUnit: label(columns.subBusinessUnit),
    costCentre: label(columns.costCentre),
  }
}
