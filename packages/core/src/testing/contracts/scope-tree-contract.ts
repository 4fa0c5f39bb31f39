import type { ScopeTree } from '../../ports/scope-tree.ts'
import { assertEqual } from './assertions.ts'
import { contractsOf, type Contract, type DeclaredGap, type StoreCase } from './contract.ts'
import { sampleScope, scopeTreeCases } from './scope-tree-cases.ts'

/** How to get scope trees to check. */
export interface ScopeTreeContractOptions<Store extends ScopeTree> {
  /** Makes an empty tree; called once a case, and cases may run side by side. */
  readonly create: () => Promise<Store>
  /** Frees what a tree holds; bears one that `reopen` has closed. */
  readonly destroy?: (tree: Store) => Promise<void>
  /** Closes a tree and opens the same store anew, as after a restart, for stores that outlive their process. Adds a case. */
  readonly reopen?: (tree: Store) => Promise<Store>
  /** Sentences that this store does not keep. They show in the case's name, and are checked to be gaps still. */
  readonly gaps?: readonly DeclaredGap[]
}

/**
 * All that a {@link ScopeTree} has to keep, as data for any test runner in any runtime.
 *
 * @throws ConfigurationError for a gap that names no case
 */
export function scopeTreeContract<Store extends ScopeTree>(options: ScopeTreeContractOptions<Store>): readonly Contract[] {
  return contractsOf<Store>([...scopeTreeCases, ...durabilityCases(options)], options, options.gaps)
}

function durabilityCases<Store extends ScopeTree>({ reopen, destroy }: ScopeTreeContractOptions<Store>): readonly StoreCase<Store>[] {
  if (reopen === undefined) return []
  return [
    {
      name: 'scopes are there after a restart, archived ones archived',
      check: async (tree) => {
        for (const path of ['acme', 'acme/web', 'acme/web/ada', 'other']) await tree.add(sampleScope(path))
        await tree.archive('acme/web', 5)
        const before = [await tree.list({}), await tree.lineage('acme/web/ada')]
        const reopened = await reopen(tree)
        assertEqual([await reopened.list({}), await reopened.lineage('acme/web/ada')], before, 'list and lineage')
        assertEqual(
          await reopened.add({ ...sampleScope('other'), createdAt: 1 }),
          { kind: 'exists', scope: sampleScope('other') },
          'add of a path that is there',
        )
        await destroy?.(reopened)
      },
    },
  ]
}
