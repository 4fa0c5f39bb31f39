import type { EntryDimension } from '@sluice/core/ledger'
import type { Dictionary } from './dictionary.ts'
import type { PartColumns } from './part-columns.ts'

/** What a part has labels for. */
export const partDimensions: readonly EntryDimension[] = ['session', 'developer', 'repository', 'model', 'agent', 'kind', 'outcome']

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
  }
}

/** Takes the uses back. */
export function releaseLabels(dictionary: Dictionary, labels: PartLabels): void {
  for (const dimension of partDimensions) dictionary.release(labels[dimension])
}

/** The labels in a row of columns. */
export function labelsIn(columns: PartColumns, at: number): PartLabels {
  const { session, developer, repository, model, agent, kind, outcome } = columns
  const label = (column: Uint32Array): number => column[at] as number
  return {
    session: label(session),
    developer: label(developer),
    repository: label(repository),
    model: label(model),
    agent: label(agent),
    kind: label(kind),
    outcome: label(outcome),
  }
}
