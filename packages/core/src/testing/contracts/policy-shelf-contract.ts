import type { PolicyShelf } from '../../ports/policy-shelf.ts'
import { assertEqual } from './assertions.ts'
import { contractsOf, type Contract, type DeclaredGap, type StoreCase } from './contract.ts'
import { policyShelfCases, publishUpTo, samplePublish, versionOf } from './policy-shelf-cases.ts'

/** How to get policy shelves to check. */
export interface PolicyShelfContractOptions<Store extends PolicyShelf> {
  /** Makes an empty shelf; called once a case, and cases may run side by side. */
  readonly create: () => Promise<Store>
  /** Frees what a shelf holds; bears one that `reopen` has closed. */
  readonly destroy?: (shelf: Store) => Promise<void>
  /** Closes a shelf and opens the same store anew, as after a restart, for stores that outlive their process. Adds a case. */
  readonly reopen?: (shelf: Store) => Promise<Store>
  /** Sentences that this store does not keep. They show in the case's name, and are checked to be gaps still. */
  readonly gaps?: readonly DeclaredGap[]
}

/**
 * All that a {@link PolicyShelf} has to keep, as data for any test runner in any runtime.
 *
 * @throws ConfigurationError for a gap that names no case
 */
export function policyShelfContract<Store extends PolicyShelf>(options: PolicyShelfContractOptions<Store>): readonly Contract[] {
  return contractsOf<Store>([...policyShelfCases, ...durabilityCases(options)], options, options.gaps)
}

function durabilityCases<Store extends PolicyShelf>({ reopen, destroy }: PolicyShelfContractOptions<Store>): readonly StoreCase<Store>[] {
  if (reopen === undefined) return []
  return [
    {
      name: 'the policy in force, every version and the history are there after a restart, and go on where they were',
      check: async (shelf) => {
        const publications = await publishUpTo(shelf, 3)
        const before = [await shelf.current(), await shelf.version(versionOf(1))]
        const reopened = await reopen(shelf)
        assertEqual([await reopened.current(), await reopened.version(versionOf(1))], before, 'the documents')
        assertEqual(await reopened.history({}), publications.toReversed(), 'history')
        assertEqual((await reopened.publish(samplePublish(4, undefined))).kind, 'conflict', 'a second beginning')
        assertEqual((await reopened.publish(samplePublish(4, 3))).current?.sequence, 4, 'the next publication')
        await destroy?.(reopened)
      },
    },
  ]
}
