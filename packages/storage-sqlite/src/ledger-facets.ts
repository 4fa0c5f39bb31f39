import { entryDimensions, type EntryDimension, type ReportPart } from '@sluice/core/ledger'
import { hash } from 'node:crypto'
import type { StatementSync } from 'node:sqlite'
import type { SqliteDatabase } from './sqlite-database.ts'

/** The column of each dimension. */
export const facetColumns: Readonly<Record<EntryDimension, string>> = {
  session: 'session',
  developer: 'developer',
  repository: 'repository',
  model: 'model',
  agent: 'agent',
  kind: 'kind',
  outcome: 'outcome',
  key: 'key',
  scope: 'scope',
  organisation: 'organisation',
  businessUnit: 'business_unit',
  subBusinessUnit: 'sub_business_unit',
  costCentre: 'cost_centre',
}

const columns = entryDimensions.map((dimension) => facetColumns[dimension]).join(', ')

/** How many combinations are remembered; the others are looked up. */
const maxRemembered = 20_000

/** Numbers for combinations of dimensions, so that a row of sums holds one number instead of thirteen texts. */
export class Facets {
  readonly #find: StatementSync
  readonly #add: StatementSync
  readonly #remembered = new Map<string, number>()

  constructor(database: SqliteDatabase) {
    this.#find = database.prepare('select facet from facets where digest = ?')
    this.#add = database.prepare(`insert into facets (digest, ${columns}) values (?${', ?'.repeat(entryDimensions.length)})`)
    // A number that was given in a change that was undone is nobody's.
    database.onRollback(() => this.#remembered.clear())
  }

  /** The number of a part's combination, given to it now where it is new. Within a transaction only. */
  numberOf(part: ReportPart): number {
    const combination = combinationOf(part)
    const remembered = this.#remembered.get(combination)
    if (remembered !== undefined) return remembered
    const digest = hash('sha256', combination, 'buffer')
    const found = this.#find.get(digest)?.['facet']
    const number = found === undefined ? Number(this.#add.run(digest, ...entryDimensions.map((dimension) => part[dimension])).lastInsertRowid) : Number(found)
    if (this.#remembered.size >= maxRemembered) this.#remembered.delete(this.#remembered.keys().next().value as string)
    this.#remembered.set(combination, number)
    return number
  }
}

/** Unambiguous, since kept text has no NUL. */
function combinationOf(part: ReportPart): string {
  let combination = ''
  for (const dimension of entryDimensions) {
    const value = part[dimension]
    combination += value === null ? '\0' : `\0=${value}`
  }
  return combination
}
