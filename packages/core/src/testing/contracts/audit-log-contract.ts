import type { AuditLog } from '../../ports/audit-log.ts'
import { assertEqual } from './assertions.ts'
import { appended, auditLogCases, sampleRecord } from './audit-log-cases.ts'
import { contractsOf, type Contract, type DeclaredGap, type StoreCase } from './contract.ts'

/** How to get audit logs to check. */
export interface AuditLogContractOptions<Store extends AuditLog> {
  /** Makes an empty log; called once a case, and cases may run side by side. */
  readonly create: () => Promise<Store>
  /** Frees what a log holds; bears one that `reopen` has closed. */
  readonly destroy?: (log: Store) => Promise<void>
  /** Closes a log and opens the same store anew, as after a restart, for stores that outlive their process. Adds a case. */
  readonly reopen?: (log: Store) => Promise<Store>
  /** Sentences that this store does not keep. They show in the case's name, and are checked to be gaps still. */
  readonly gaps?: readonly DeclaredGap[]
}

/**
 * All that an {@link AuditLog} has to keep, as data for any test runner in any runtime.
 *
 * @throws ConfigurationError for a gap that names no case
 */
export function auditLogContract<Store extends AuditLog>(options: AuditLogContractOptions<Store>): readonly Contract[] {
  return contractsOf<Store>([...auditLogCases, ...durabilityCases(options)], options, options.gaps)
}

function durabilityCases<Store extends AuditLog>({ reopen, destroy }: AuditLogContractOptions<Store>): readonly StoreCase<Store>[] {
  if (reopen === undefined) return []
  return [
    {
      name: 'the chain is there after a restart, and goes on where it was',
      check: async (log) => {
        const records = await appended(log, 7)
        const reopened = await reopen(log)
        assertEqual([await reopened.read({}), await reopened.last()], [records, records.at(-1)], 'the log')
        assertEqual(await reopened.append(sampleRecord(undefined)), false, 'a second beginning')
        assertEqual(await reopened.append(sampleRecord(records.at(-1))), true, 'the next record')
        await destroy?.(reopened)
      },
    },
  ]
}
