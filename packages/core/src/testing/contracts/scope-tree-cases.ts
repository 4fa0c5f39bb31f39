import { toStorable } from '../../ledger/storable.ts'
import type { Scope, ScopeLevel, ScopeQuery, ScopeTree } from '../../ports/scope-tree.ts'
import { assertEqual } from './assertions.ts'
import type { StoreCase } from './contract.ts'
import { callers, confusableNames, hostileTexts, namesInOrder, sampleInstant, turns, vandalise } from './key-ring-samples.ts'

const levels: readonly ScopeLevel[] = ['organisation', 'business-unit', 'sub-business-unit', 'cost-centre', 'developer']

/** A scope; its level is as deep as its path unless given. */
export function sampleScope(path: string, level?: ScopeLevel): Scope {
  return { path, level: level ?? levels[path.split('/').length - 1] ?? 'developer', createdAt: sampleInstant }
}

async function added(tree: ScopeTree, ...paths: readonly string[]): Promise<readonly Scope[]> {
  const scopes = paths.map((path) => sampleScope(path))
  for (const scope of scopes) assertEqual(await tree.add(scope), { kind: 'added', scope }, `add of ${scope.path}`)
  return scopes
}

async function paths(tree: ScopeTree, query: ScopeQuery): Promise<readonly string[]> {
  return (await tree.list(query)).map(({ path }) => path)
}

/** How the organisation grows, and is read. */
export const scopeTreeCases: readonly StoreCase<ScopeTree>[] = [
  {
    name: 'a lineage runs from the organisation down to its scope, each as it was added',
    check: async (tree) => {
      const scopes = await added(tree, 'acme', 'acme/retail', 'acme/retail/web', 'acme/retail/web/cc-1', 'acme/retail/web/cc-1/ada')
      await added(tree, 'acme/retail/app', 'other', 'other/retail')
      for (const [index, { path }] of scopes.entries()) assertEqual(await tree.lineage(path), scopes.slice(0, index + 1), `lineage of ${path}`)
      for (const path of ['acme/', 'acme/web', 'Acme', 'acme/retail/web/cc-1/ada/x', '/acme', '%', '', ...hostileTexts])
        assertEqual(await tree.lineage(path), undefined, `lineage of ${JSON.stringify(path.slice(0, 40))}`)
    },
  },
  {
    name: 'a scope needs its parent, and a level deeper than that of the parent; levels may be left out',
    check: async (tree) => {
      assertEqual(await tree.add(sampleScope('acme/web')), { kind: 'no-parent' }, 'without a parent')
      await added(tree, 'acme')
      assertEqual(await tree.add(sampleScope('acme/web/ada')), { kind: 'no-parent' }, 'without a parent below one')
      assertEqual(await tree.add(sampleScope('acme/x', 'organisation')), { kind: 'level-too-high' }, 'the level of the parent')
      const centre = sampleScope('acme/cc', 'cost-centre')
      assertEqual(await tree.add(centre), { kind: 'added', scope: centre }, 'with levels left out')
      for (const level of ['organisation', 'business-unit', 'sub-business-unit', 'cost-centre'] as const)
        assertEqual(await tree.add(sampleScope('acme/cc/x', level)), { kind: 'level-too-high' }, `${level} below a cost centre`)
      const root = sampleScope('solo', 'developer')
      assertEqual(await tree.add(root), { kind: 'added', scope: root }, 'a root of any level')
      assertEqual(await tree.add(sampleScope('solo/x', 'developer')), { kind: 'level-too-high' }, 'below a developer')
      assertEqual(await paths(tree, {}), ['acme', 'acme/cc', 'solo'], 'the scopes kept')
    },
  },
  {
    name: 'adding a path again gives what is kept, whatever level it is added with',
    check: async (tree) => {
      const [acme] = (await added(tree, 'acme', 'acme/web')) as readonly [Scope, Scope]
      const kept = { kind: 'exists', scope: sampleScope('acme/web') }
      for (const level of levels) assertEqual(await tree.add({ ...sampleScope('acme/web', level), createdAt: 1 }), kept, `again as ${level}`)
      assertEqual(await tree.add({ ...acme, createdAt: 1 }), { kind: 'exists', scope: acme }, 'the organisation again')
      await tree.archive('acme', sampleInstant + 1)
      assertEqual(await tree.add(acme), { kind: 'exists', scope: { ...acme, archivedAt: sampleInstant + 1 } }, 'an archived one again')
    },
  },
  {
    name: "of fifty callers racing to add one path exactly one adds it, and the others are given the first one's",
    check: async (tree) => {
      await added(tree, 'acme')
      const racing = Array.from({ length: callers }, (_, index) => ({ ...sampleScope('acme/web'), createdAt: index }))
      const answers = await Promise.all(racing.map((scope) => tree.add(scope)))
      const winner = racing[answers.findIndex(({ kind }) => kind === 'added')]
      assertEqual(answers.filter(({ kind }) => kind === 'added').length, 1, 'callers told that they added it')
      for (const answer of answers) assertEqual('scope' in answer && answer.scope, winner, 'the scope that a caller was given')
      assertEqual((await tree.lineage('acme/web'))?.[1], winner, 'the scope kept')
    },
  },
  {
    name: 'of fifty scopes that are added at once none is lost',
    check: async (tree) => {
      await added(tree, 'acme')
      await Promise.all(Array.from({ length: callers }, (_, index) => tree.add(sampleScope(`acme/${index}`))))
      assertEqual((await tree.list({ under: 'acme' })).length, callers + 1, 'scopes listed')
    },
  },
  {
    name: 'scopes are listed in order of their path by code point, after a given one, at most as many as asked for',
    check: async (tree) => {
      await added(tree, ...[...namesInOrder].toReversed())
      await added(tree, 'a/x', 'a/x/y', 'a0/x')
      // By code point the slash comes before digits and letters, and after + and -.
      const all = namesInOrder.flatMap((name) => (name === 'a' ? ['a', 'a/x', 'a/x/y'] : name === 'a0' ? ['a0', 'a0/x'] : [name]))
      assertEqual(await paths(tree, {}), all, 'all of them')
      assertEqual(await paths(tree, { limit: 3 }), all.slice(0, 3), 'three of them')
      assertEqual(await paths(tree, { limit: 0 }), [], 'none of them')
      for (const [index, after] of all.entries()) assertEqual(await paths(tree, { after, limit: 2 }), all.slice(index + 1, index + 3), `after "${after}"`)
      assertEqual(await paths(tree, { under: 'a', after: 'a/b' }), ['a/x', 'a/x/y'], 'under a, after a path that is not there')
    },
  },
  {
    name: 'a list without a limit has a hundred scopes, and page by page every scope comes once',
    check: async (tree) => {
      await added(tree, 'acme')
      await Promise.all(Array.from({ length: 204 }, (_, index) => tree.add(sampleScope(`acme/${index}`))))
      const pages: string[][] = []
      for (let after: string | undefined; ;) {
        const page = await paths(tree, { under: 'acme', ...(after !== undefined && { after }) })
        if (page.length === 0) break
        pages.push([...page])
        after = page.at(-1)
      }
      assertEqual(
        pages.map(({ length }) => length),
        [100, 100, 5],
        'scopes a page',
      )
      assertEqual(new Set(pages.flat()).size, 205, 'scopes in all pages')
    },
  },
  {
    name: 'a list under a scope has it and everything below it, and no scope that only looks like it',
    check: async (tree) => {
      for (const [asked, ...others] of confusableNames) {
        for (const name of [asked, ...others]) for (const path of [name, `${name}/b`]) await tree.add(sampleScope(path))
        await added(tree, `${asked}/b/c`)
        assertEqual(await paths(tree, { under: asked }), [asked, `${asked}/b`, `${asked}/b/c`], `under ${asked}`)
        assertEqual(await paths(tree, { under: `${asked}/b` }), [`${asked}/b`, `${asked}/b/c`], `under ${asked}/b`)
        assertEqual(
          (await tree.lineage(`${asked}/b/c`))?.map(({ path }) => path),
          [asked, `${asked}/b`, `${asked}/b/c`],
          `lineage of ${asked}/b/c`,
        )
      }
      for (const under of ['nowhere', 'acme/', '%/b']) assertEqual(await paths(tree, { under }), [], `under "${under}"`)
    },
  },
  {
    name: 'a scope is archived once: the first instant stays, its children and lineage do too',
    check: async (tree) => {
      const [acme, web] = (await added(tree, 'acme', 'acme/web')) as readonly [Scope, Scope]
      assertEqual(await tree.archive('acme', sampleInstant + 5), true, 'archive')
      assertEqual(await tree.archive('acme', sampleInstant + 9), true, 'archive again')
      for (const path of ['Acme', 'acme/', 'acm%', 'a_me', '', ...hostileTexts])
        assertEqual(await tree.archive(path, 1), false, `archive of ${JSON.stringify(path.slice(0, 40))}`)
      const archived = { ...acme, archivedAt: sampleInstant + 5 }
      assertEqual(await tree.lineage('acme/web'), [archived, web], 'the lineage')
      assertEqual(await tree.list({}), [archived, web], 'the list')
    },
  },
  {
    name: 'the first of fifty callers to archive a scope says when',
    check: async (tree) => {
      await added(tree, 'acme')
      const seen = await Promise.all(
        Array.from({ length: callers }, async (_, index) => {
          await turns(index)
          assertEqual(await tree.archive('acme', sampleInstant + index), true, 'archive')
          return (await tree.lineage('acme'))?.[0]?.archivedAt
        }),
      )
      assertEqual(new Set(seen).size, 1, `instants seen by ${callers} callers, each right after its own call (${[...new Set(seen)].join(', ')})`)
    },
  },
  {
    name: 'hostile text in a path survives; NUL and lone surrogates become U+FFFD, in what is kept and in what is looked for',
    check: async (tree) => {
      for (const text of hostileTexts) {
        const root = sampleScope(text.replaceAll('/', '|'))
        const child = sampleScope(`${root.path}/${root.path}`)
        assertEqual(await tree.add(root), { kind: 'added', scope: toStorable(root) }, `add of ${JSON.stringify(text.slice(0, 40))}`)
        assertEqual(await tree.add(child), { kind: 'added', scope: toStorable(child) }, 'add below it')
        assertEqual(await tree.lineage(child.path), [toStorable(root), toStorable(child)], `lineage of ${JSON.stringify(text.slice(0, 40))}`)
        assertEqual(await tree.list({ under: root.path }), [toStorable(root), toStorable(child)], `under ${JSON.stringify(text.slice(0, 40))}`)
        assertEqual(await tree.archive(child.path, 7), true, 'archive')
      }
    },
  },
  {
    name: 'changing a scope after it was added, or one that was returned, changes nothing that is kept',
    check: async (tree) => {
      const mine = { ...sampleScope('acme') }
      await tree.add(mine)
      vandalise(mine)
      const again = await tree.add(sampleScope('acme'))
      const returned = [...((await tree.lineage('acme')) ?? []), ...(await tree.list({})), ...('scope' in again ? [again.scope] : [])]
      assertEqual(returned, [sampleScope('acme'), sampleScope('acme'), sampleScope('acme')], 'the scope, after the caller changed its own')
      for (const scope of returned) vandalise(scope)
      assertEqual(await tree.lineage('acme'), [sampleScope('acme')], 'the scope, after a returned one was changed')
    },
  },
]
