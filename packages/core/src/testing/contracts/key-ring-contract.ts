import type { KeyRing } from '../../ports/key-ring.ts'
import { assertEqual } from './assertions.ts'
import { contractsOf, type Contract, type DeclaredGap, type StoreCase } from './contract.ts'
import { keyChangeCases } from './key-ring-changes.ts'
import { keyRecordCases } from './key-ring-records.ts'
import { sampleInstant, sampleKey, sampleSecret } from './key-ring-samples.ts'

/** How to get key rings to check. */
export interface KeyRingContractOptions<Store extends KeyRing> {
  /** Makes an empty ring; called once a case, and cases may run side by side. */
  readonly create: () => Promise<Store>
  /** Frees what a ring holds; bears one that `reopen` has closed. */
  readonly destroy?: (ring: Store) => Promise<void>
  /** Closes a ring and opens the same store anew, as after a restart, for stores that outlive their process. Adds a case. */
  readonly reopen?: (ring: Store) => Promise<Store>
  /** Sentences that this store does not keep. They show in the case's name, and are checked to be gaps still. */
  readonly gaps?: readonly DeclaredGap[]
}

/**
 * All that a {@link KeyRing} has to keep, as data for any test runner in any runtime.
 *
 * @throws ConfigurationError for a gap that names no case
 */
export function keyRingContract<Store extends KeyRing>(options: KeyRingContractOptions<Store>): readonly Contract[] {
  return contractsOf<Store>([...keyRecordCases, ...keyChangeCases, ...durabilityCases(options)], options, options.gaps)
}

function durabilityCases<Store extends KeyRing>({ reopen, destroy }: KeyRingContractOptions<Store>): readonly StoreCase<Store>[] {
  if (reopen === undefined) return []
  return [
    {
      name: 'keys, their rotations and their revocations are there after a restart',
      check: async (ring) => {
        for (let index = 0; index < 20; index += 1) {
          const { id } = sampleKey({ id: `kept${String(index).padStart(4, '0')}` })
          await ring.issue(sampleKey({ id, expiresAt: sampleInstant + index }))
          if (index % 2 === 0) await ring.rotate({ id, secret: sampleSecret(`second of ${id}`), overlapUntil: sampleInstant + index })
          if (index % 3 === 0) await ring.revoke(id, { at: sampleInstant, reason: `reason ${index}`, isLeaked: index % 6 === 0 })
        }
        const before = await ring.list({})
        const reopened = await reopen(ring)
        assertEqual(await reopened.list({}), before, 'the keys')
        assertEqual(await reopened.issue(sampleKey({ id: 'kept0000' })), false, 'issue of an id that is taken')
        await destroy?.(reopened)
      },
    },
  ]
}
