import { describe, expect, test } from 'vitest'
import { isDeeper, isWithin, parentOf } from '../../keys/scope-path.ts'
import { toStorable, toStorableText } from '../../ledger/storable.ts'
import { compareText } from '../../ledger/text-order.ts'
import type { Scope, ScopeAddition, ScopeQuery, ScopeTree } from '../../ports/scope-tree.ts'
import { scopeTreeContract } from './scope-tree-contract.ts'

type Store = Map<string, Scope>

const tick = () => new Promise<void>((resolve) => setTimeout(resolve, 0))

function page(store: Store, { under, after, limit = 100 }: ScopeQuery, compare = compareText): readonly Scope[] {
  return [...store.values()]
    .filter(({ path }) => (under === undefined || isWithin(path, toStorableText(under))) && (after === undefined || compare(path, after) > 0))
    .toSorted((left, right) => compare(left.path, right.path))
    .slice(0, limit)
}

function judge(store: Store, scope: Scope): ScopeAddition {
  const kept = store.get(scope.path)
  if (kept !== undefined) return { kind: 'exists', scope: kept }
  const above = parentOf(scope.path)
  const parent = above === undefined ? undefined : store.get(above)
  if (above !== undefined && parent === undefined) return { kind: 'no-parent' }
  return parent !== undefined && !isDeeper(scope.level, parent.level) ? { kind: 'level-too-high' } : { kind: 'added', scope: toStorable(scope) }
}

function treeOf(store: Store, wrong: Partial<ScopeTree> = {}): ScopeTree {
  return {
    add: async (given) => {
      const answer = judge(store, toStorable(given))
      if (answer.kind === 'added') store.set(answer.scope.path, answer.scope)
      return answer
    },
    lineage: async (path) => {
      const line: (Scope | undefined)[] = []
      for (let at: string | undefined = toStorableText(path); at !== undefined; at = parentOf(at)) line.unshift(store.get(at))
      return line.every((scope) => scope !== undefined) ? line : undefined
    },
    list: async (query) => page(store, query),
    archive: async (path, at) => {
      const scope = store.get(toStorableText(path))
      if (scope !== undefined) store.set(scope.path, toStorable({ archivedAt: at, ...scope }))
      return scope !== undefined
    },
    ...wrong,
  }
}

async function broken(make: (store: Store) => Partial<ScopeTree>): Promise<readonly string[]> {
  const failed: string[] = []
  const create = async () => {
    const store: Store = new Map()
    return treeOf(store, make(store))
  }
  for (const { name, run } of scopeTreeContract({ create })) await run().catch(() => failed.push(name))
  return failed
}

describe('a store that keeps the contract passes it', () => {
  const stores = new WeakMap<ScopeTree, Store>()
  const opened = (store: Store) => {
    const tree = treeOf(store)
    stores.set(tree, store)
    return tree
  }
  const reopen = async (tree: ScopeTree) => opened(stores.get(tree) as Store)
  for (const { name, run } of scopeTreeContract({ create: async () => opened(new Map()), reopen })) test(name, run)
})

test('a store that reads, waits, and writes is caught where callers race, and nowhere else', async () => {
  const failed = await broken((store) => ({
    add: async (given) => {
      const answer = judge(store, toStorable(given))
      await tick()
      if (answer.kind === 'added') store.set(answer.scope.path, answer.scope)
      return answer
    },
    archive: async (path, at) => {
      const scope = store.get(toStorableText(path))
      await tick()
      if (scope !== undefined) store.set(scope.path, toStorable({ archivedAt: at, ...scope }))
      return scope !== undefined
    },
  }))
  expect(failed).toEqual([
    "of fifty callers racing to add one path exactly one adds it, and the others are given the first one's",
    'the first of fifty callers to archive a scope says when',
  ])
})

const wrongStores: Readonly<Record<string, readonly [(store: Store) => Partial<ScopeTree>, string]>> = {
  'paths are sorted by UTF-16 units': [
    (store) => ({ list: async (query) => page(store, query, (left, right) => (left < right ? -1 : left > right ? 1 : 0)) }),
    'scopes are listed in order of their path by code point, after a given one, at most as many as asked for',
  ],
  'levels are not looked at': [
    (store) => ({
      add: async (given) => {
        const answer = judge(store, toStorable(given))
        if (answer.kind !== 'added' && answer.kind !== 'level-too-high') return answer
        store.set(given.path, toStorable(given))
        return { kind: 'added', scope: toStorable(given) }
      },
    }),
    'a scope needs its parent, and a level deeper than that of the parent; levels may be left out',
  ],
  'limits are ignored': [
    (store) => ({ list: async (query) => page(store, { ...query, limit: 1e9 }) }),
    'a list without a limit has a hundred scopes, and page by page every scope comes once',
  ],
  'archived scopes are gone': [
    (store) => ({ archive: async (path) => store.delete(path) }),
    'a scope is archived once: the first instant stays, its children and lineage do too',
  ],
}

for (const [what, [make, sentence]] of Object.entries(wrongStores)) {
  test(`a scope tree is caught where ${what}`, async () => {
    expect(await broken(make)).toContain(sentence)
  })
}
