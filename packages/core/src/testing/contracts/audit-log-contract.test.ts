import { describe, expect, test } from 'vitest'
import { toStorable, toStorableText } from '../../ledger/storable.ts'
import type { AuditLog, AuditQuery, AuditRecord } from '../../ports/audit-log.ts'
import { auditLogContract } from './audit-log-contract.ts'

type Store = AuditRecord[]

const tick = () => new Promise<void>((resolve) => setTimeout(resolve, 0))

const isNext = (store: Store, record: AuditRecord): boolean =>
  record.sequence === store.length + 1 && record.previousHash === (store.at(-1)?.hash ?? '0'.repeat(64))

const page = (store: Store, { after = 0, limit = 100, subject }: AuditQuery): readonly AuditRecord[] =>
  store.filter((record) => record.sequence > after && (subject === undefined || record.subject === toStorableText(subject))).slice(0, limit)

function logOf(store: Store, wrong: Partial<AuditLog> = {}): AuditLog {
  return {
    last: async () => store.at(-1),
    append: async (record) => isNext(store, record) && store.push(toStorable(record)) > 0,
    read: async (query) => page(store, query),
    ...wrong,
  }
}

async function broken(make: (store: Store) => Partial<AuditLog>): Promise<readonly string[]> {
  const failed: string[] = []
  const create = async () => {
    const store: Store = []
    return logOf(store, make(store))
  }
  for (const { name, run } of auditLogContract({ create })) await run().catch(() => failed.push(name))
  return failed
}

describe('a store that keeps the contract passes it', () => {
  const stores = new WeakMap<AuditLog, Store>()
  const opened = (store: Store) => {
    const log = logOf(store)
    stores.set(log, store)
    return log
  }
  const reopen = async (log: AuditLog) => opened(stores.get(log) as Store)
  for (const { name, run } of auditLogContract({ create: async () => opened([]), reopen })) test(name, run)
})

test('a store that looks, waits, and appends is caught where callers race, and nowhere else', async () => {
  const failed = await broken((store) => ({
    append: async (record) => {
      const isGood = isNext(store, record)
      await tick()
      return isGood && store.push(toStorable(record)) > 0
    },
  }))
  expect(failed).toEqual([
    'of fifty callers racing to append the next record exactly one is told so, and its record is the one kept',
    'fifty callers that append as often as it takes make one chain without a gap',
  ])
})

const wrongStores: Readonly<Record<string, readonly [(store: Store) => Partial<AuditLog>, string]>> = {
  'only the sequence is looked at': [
    (store) => ({ append: async (record) => record.sequence === store.length + 1 && store.push(toStorable(record)) > 0 }),
    'only the next record is taken: none twice, none after a gap, none on another hash; the others change nothing',
  ],
  'only the hash is looked at': [
    (store) => ({ append: async (record) => record.previousHash === (store.at(-1)?.hash ?? '0'.repeat(64)) && store.push(toStorable(record)) > 0 }),
    'a chain begins at 1, after 64 zeros',
  ],
  'subjects are compared in any case': [
    (store) => ({
      read: async (query) =>
        page(
          store.map((record) => ({ ...record, subject: record.subject.toLowerCase() })),
          { ...query, ...(query.subject !== undefined && { subject: query.subject.toLowerCase() }) },
        ),
    }),
    'records are read after a sequence, of one subject, at most as many as asked for, and a hundred unless said',
  ],
}

for (const [what, [make, sentence]] of Object.entries(wrongStores)) {
  test(`an audit log is caught where ${what}`, async () => {
    expect(await broken(make)).toContain(sentence)
  })
}
