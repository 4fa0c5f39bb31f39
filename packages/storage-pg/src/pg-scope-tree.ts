import { parentOf, scopeLevels, type Scope, type ScopeTree } from '@sluice/core'
import { toStorable, toStorableText } from '@sluice/core/ledger'
import { Database, type PgOptions } from './database.ts'
import type { PgPool } from './pool.ts'
import { rowLimit } from './row-limit.ts'
import { withinCondition } from './within-condition.ts'

const repeatable = { isIdempotent: true } as const

/**
 * A {@link ScopeTree} on PostgreSQL.
 *
 * @throws ConfigurationError for a schema that is no plain identifier
 */
export function pgScopeTree(pool: PgPool, options: PgOptions = {}): ScopeTree {
  return scopeTreeOn(new Database(pool, options))
}

/** {@link pgScopeTree} on a database that is shared with other ports. */
export function scopeTreeOn(database: Database): ScopeTree {
  const find = async (paths: readonly string[]): Promise<ReadonlyMap<string, Scope>> => {
    const { rows } = await database.query('select scope, archived_at::text as archived from {s}.scopes where path = any ($1::text[])', [paths], repeatable)
    return new Map(rows.map(scopeOf).map((scope) => [scope.path, scope]))
  }
  return {
    add: async (given) => {
      const scope = toStorable(given)
      const { path, level } = scope
      const parent = parentOf(path)
      const { rows } = await database.query(
        `insert into {s}.scopes (path, depth, scope) select $1, $2::integer, $3
         where $4::text is null or exists (select from {s}.scopes p where p.path = $4::text and p.depth < $2::integer)
         on conflict do nothing returning path`,
        [path, scopeLevels.indexOf(level), JSON.stringify(scope), parent ?? null],
        { isIdempotent: false },
      )
      if (rows.length > 0) return { kind: 'added', scope }
      const found = await find(parent === undefined ? [path] : [path, parent])
      const kept = found.get(path)
      if (kept !== undefined) return { kind: 'exists', scope: kept }
      return parent !== undefined && found.has(parent) ? { kind: 'level-too-high' } : { kind: 'no-parent' }
    },
    lineage: async (path) => {
      const paths: string[] = []
      for (let at: string | undefined = toStorableText(path); at !== undefined; at = parentOf(at)) paths.unshift(at)
      const found = await find(paths)
      const scopes = paths.flatMap((at) => found.get(at) ?? [])
      return scopes.length === paths.length ? scopes : undefined
    },
    list: async ({ under, after, limit = 100 }) => {
      const values: (string | number)[] = [rowLimit(limit)]
      const conditions: string[] = []
      if (under !== undefined) conditions.push(withinCondition('path', values.push(under)))
      if (after !== undefined) conditions.push(`path > $${values.push(after)}::text`)
      const where = conditions.length === 0 ? '' : `where ${conditions.join(' and ')}`
      const { rows } = await database.query(
        `select scope, archived_at::text as archived from {s}.scopes ${where} order by path limit $1::bigint`,
        values,
        repeatable,
      )
      return rows.map(scopeOf)
    },
    archive: async (path, at) => {
      const { rows } = await database.query(
        'update {s}.scopes set archived_at = coalesce(archived_at, $2::double precision) where path = $1 returning path',
        [path, at],
        repeatable,
      )
      return rows.length > 0
    },
  }
}

function scopeOf(row: { readonly [column: string]: unknown }): Scope {
  const scope = JSON.parse(String(row['scope'])) as Scope
  return typeof row['archived'] === 'string' ? { ...scope, archivedAt: Number(row['archived']) } : scope
}
