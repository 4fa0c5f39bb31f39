import type { PolicyDocument, PolicyPublication, PolicyPublish, PolicyPublishResult, PolicyShelf } from '@sluice/core'
import { toStorable } from '@sluice/core/ledger'
import { Database, type PgOptions } from './database.ts'
import type { PgPool } from './pool.ts'
import { rowLimit } from './row-limit.ts'

const repeatable = { isIdempotent: true } as const

/**
 * A {@link PolicyShelf} on PostgreSQL. Who publishes takes the next number of the history, which is there once: of racing publishers one has it.
 *
 * @throws ConfigurationError for a schema that is no plain identifier
 */
export function pgPolicyShelf(pool: PgPool, options: PgOptions = {}): PolicyShelf {
  return policyShelfOn(new Database(pool, options))
}

/** {@link pgPolicyShelf} on a database that is shared with other ports. */
export function policyShelfOn(database: Database): PolicyShelf {
  const last = async (): Promise<PolicyPublication | undefined> => {
    const { rows } = await database.query('select publication from {s}.policy_publications order by sequence desc limit 1', [], repeatable)
    return rows.map(publicationOf)[0]
  }
  return {
    current: async () => {
      const { rows } = await database.query(
        'select version, document from {s}.policies where version = (select version from {s}.policy_publications order by sequence desc limit 1)',
        [],
        repeatable,
      )
      return rows.map(documentOf)[0]
    },
    version: async (version) => {
      const { rows } = await database.query('select version, document from {s}.policies where version = $1', [version], repeatable)
      return rows.map(documentOf)[0]
    },
    publish: async (given) => {
      const publish = toStorable(given)
      for (;;) {
        const before = await last()
        const refusal = refusalOf(publish, before)
        if (refusal !== undefined) return refusal
        const current = nextPublication(publish, before)
        const { rows } = await database.query(
          `with entered as (
             insert into {s}.policy_publications (sequence, version, publication) values ($1::bigint, $2, $3) on conflict do nothing returning version
           ), kept as (
             insert into {s}.policies (version, document) select version, $4 from entered on conflict do nothing
           ) select version from entered`,
          [current.sequence, current.version, JSON.stringify(current), publish.document],
          // Sent again after an answer was lost, it takes no second number, and what is in force answers below.
          repeatable,
        )
        if (rows.length > 0) return { kind: 'published', current }
        // Somebody has taken the number. The next look tells this caller what is in force now: mostly a conflict, or this very version.
      }
    },
    history: async ({ before, limit = 100 }) => {
      const values: (string | number)[] = [rowLimit(limit)]
      const condition = before === undefined || before === Infinity ? '' : `where sequence < $${values.push(Math.ceil(before))}::bigint`
      const { rows } = await database.query(
        `select publication from {s}.policy_publications ${condition} order by sequence desc limit $1::bigint`,
        values,
        repeatable,
      )
      return rows.map(publicationOf)
    },
  }
}

function refusalOf({ version, expected }: PolicyPublish, current: PolicyPublication | undefined): PolicyPublishResult | undefined {
  if (current !== undefined && current.version === version) return { kind: 'unchanged', current }
  return current?.version === expected ? undefined : { kind: 'conflict', current }
}

function nextPublication({ version, at, actor, reason }: PolicyPublish, before: PolicyPublication | undefined): PolicyPublication {
  return {
    sequence: (before?.sequence ?? 0) + 1,
    version,
    at,
    actor,
    ...(before !== undefined && { previousVersion: before.version }),
    ...(reason !== undefined && { reason }),
  }
}

function documentOf(row: { readonly [column: string]: unknown }): PolicyDocument {
  return { version: String(row['version']), document: String(row['document']) }
}

function publicationOf(row: { readonly [column: string]: unknown }): PolicyPublication {
  return JSON.parse(String(row['publication'])) as PolicyPublication
}
