import { isDeeper, isWithin, parentOf, type Scope, type ScopeTree } from '@sluice/core'
import { compareText, toStorable, toStorableText } from '@sluice/core/ledger'
import { pageOf } from './memory-key-ring-page.ts'

/** The organisation in memory: for tests, and for one process that may forget it. */
export function memoryScopeTree(): ScopeTree {
  const scopes = new Map<string, Scope>()
  return {
    add: (given) => {
      const scope = toStorable(given)
      const kept = scopes.get(scope.path)
      if (kept !== undefined) return Promise.resolve({ kind: 'exists', scope: kept })
      const parentPath = parentOf(scope.path)
      const parent = parentPath === undefined ? undefined : scopes.get(parentPath)
      if (parentPath !== undefined && parent === undefined) return Promise.resolve({ kind: 'no-parent' })
      if (parent !== undefined && !isDeeper(scope.level, parent.level)) return Promise.resolve({ kind: 'level-too-high' })
      scopes.set(scope.path, scope)
      return Promise.resolve({ kind: 'added', scope })
    },
    lineage: (path) => {
      const line: Scope[] = []
      for (let at: string | undefined = toStorableText(path); at !== undefined; at = parentOf(at)) {
        const scope = scopes.get(at)
        if (scope === undefined) return Promise.resolve(undefined)
        line.push(scope)
      }
      return Promise.resolve(line.toReversed())
    },
    list: ({ under, after, limit }) => {
      const ancestor = under === undefined ? undefined : toStorableText(under)
      const matching = [...scopes.values()].filter(({ path }) => ancestor === undefined || isWithin(path, ancestor))
      return Promise.resolve(
        pageOf(
          matching.toSorted((left, right) => compareText(left.path, right.path)),
          ({ path }) => after === undefined || compareText(path, toStorableText(after)) > 0,
          limit,
        ),
      )
    },
    archive: (path, at) => {
      const scope = scopes.get(toStorableText(path))
      if (scope !== undefined && scope.archivedAt === undefined) scopes.set(scope.path, toStorable({ ...scope, archivedAt: at }))
      return Promise.resolve(scope !== undefined)
    },
  }
}
