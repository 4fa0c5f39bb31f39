import { isDeeper, parentOf, type Scope, type ScopeTree } from '@sluice/core'
import { toStorable, toStorableText } from '@sluice/core/ledger'
import type { SQLOutputValue } from 'node:sqlite'
import { isAfterSql, isWithinSql, rowLimit, textOrNull } from './rows.ts'
import type { SqliteDatabase } from './sqlite-database.ts'

/** A {@link ScopeTree} in an SQLite database. */
export function sqliteScopeTree(database: SqliteDatabase): ScopeTree {
  const find = database.prepare('select * from scopes where path = ?')
  const insert = database.prepare('insert into scopes (path, level, created_at, archived_at) values (?, ?, ?, ?)')
  const lineage = database.prepare('select * from scopes where path in (select value from json_each(?)) order by length(path)')
  const list = database.prepare(`select * from scopes where ${isWithinSql('path')} and ${isAfterSql('path')} order by path limit ?3`)
  const archive = database.prepare('update scopes set archived_at = coalesce(archived_at, ?) where path = ?')
  return {
    add: (given) => {
      const scope = toStorable(given)
      return database.write(() => {
        const kept = find.get(scope.path)
        if (kept !== undefined) return { kind: 'exists', scope: toScope(kept) }
        const parentPath = parentOf(scope.path)
        const parent = parentPath === undefined ? undefined : find.get(parentPath)
        if (parentPath !== undefined && parent === undefined) return { kind: 'no-parent' }
        if (parent !== undefined && !isDeeper(scope.level, toScope(parent).level)) return { kind: 'level-too-high' }
        insert.run(scope.path, scope.level, scope.createdAt, scope.archivedAt ?? null)
        return { kind: 'added', scope: { ...scope } }
      })
    },
    lineage: (path) =>
      database.read(() => {
        const paths: string[] = []
        for (let at: string | undefined = toStorableText(path); at !== undefined; at = parentOf(at)) paths.push(at)
        const scopes = lineage.all(JSON.stringify(paths)).map(toScope)
        return scopes.length === paths.length ? scopes : undefined
      }),
    list: ({ under, after, limit }) => database.read(() => list.all(textOrNull(under), textOrNull(after), rowLimit(limit)).map(toScope)),
    archive: (path, at) => database.write(() => archive.run(at, toStorableText(path)).changes === 1),
  }
}

function toScope(row: Readonly<Record<string, SQLOutputValue>>): Scope {
  const { path, level, created_at: createdAt, archived_at: archivedAt } = row
  return { path, level, createdAt, ...(archivedAt !== null && { archivedAt }) } as Scope
}
