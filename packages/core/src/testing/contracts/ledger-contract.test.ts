import { describe, expect, test } from 'vitest'
import { ConfigurationError } from '../../errors.ts'
import { listEntries } from '../../ledger/list-entries.ts'
import { reportRows } from '../../ledger/report-totals.ts'
import { toStorableEntry } from '../../ledger/storable.ts'
import type { Ledger, LedgerEntry } from '../../ports/ledger.ts'
import { ledgerContract } from './ledger-contract.ts'

type Store = { entries: LedgerEntry[] }

const tick = () => new Promise<void>((resolve) => setTimeout(resolve, 0))

/** A store that keeps the contract, with parts to be replaced by wrong ones. */
function ledgerOf(store: Store, wrong: Partial<Ledger> = {}): Ledger {
  return {
    append: async (entry) => {
      if (!store.entries.some(({ exchangeId }) => exchangeId === entry.exchangeId)) store.entries.push(toStorableEntry(entry))
    },
    report: async (query) => reportRows(store.entries, query),
    exchanges: async (query) => listEntries(store.entries, query),
    ...wrong,
  }
}

async function broken(make: (store: Store) => Partial<Ledger>): Promise<readonly string[]> {
  const failed: string[] = []
  const create = async () => {
    const store: Store = { entries: [] }
    return ledgerOf(store, make(store))
  }
  for (const { name, run } of ledgerContract({ create })) await run().catch(() => failed.push(name))
  return failed
}

const raceForOne = 'of fifty callers racing to append one exchange exactly one is kept, whole, and all of them resolve'
const raceForMany = 'of fifty callers racing to append fifty exchanges none is lost'
const staggered = 'what the first caller to be done has appended stays, however many come right behind'

describe('a store that keeps the contract passes it', () => {
  const stores = new WeakMap<Ledger, Store>()
  const opened = (store: Store) => {
    const ledger = ledgerOf(store)
    stores.set(ledger, store)
    return ledger
  }
  for (const { name, run } of ledgerContract({ create: async () => opened({ entries: [] }), reopen: async (ledger) => opened(stores.get(ledger) as Store) }))
    test(name, run)
})

test('a store that looks before it pushes keeps a racing exchange fifty times, and is caught', async () => {
  const failed = await broken((store) => ({
    append: async (entry) => {
      const isKnown = store.entries.some(({ exchangeId }) => exchangeId === entry.exchangeId)
      await tick()
      if (!isKnown) store.entries.push(toStorableEntry(entry))
    },
  }))
  expect(failed).toEqual([raceForOne, staggered])
})

test('a store that reads all, adds one and writes all back loses what races with it, and is caught', async () => {
  const failed = await broken((store) => ({
    append: async (entry) => {
      const read = [...store.entries]
      await tick()
      if (!read.some(({ exchangeId }) => exchangeId === entry.exchangeId)) store.entries = [...read, toStorableEntry(entry)]
    },
  }))
  expect(failed).toContain(raceForMany)
})

test('a store that looks before it overwrites lets later callers win, and is caught', async () => {
  const failed = await broken((store) => ({
    append: async (entry) => {
      const isKnown = store.entries.some(({ exchangeId }) => exchangeId === entry.exchangeId)
      await tick()
      if (!isKnown) store.entries = [...store.entries.filter(({ exchangeId }) => exchangeId !== entry.exchangeId), toStorableEntry(entry)]
    },
  }))
  expect(failed).toEqual([staggered])
})

const wrongStores: Readonly<Record<string, readonly [(store: Store) => Partial<Ledger>, string]>> = {
  'the last append wins': [
    (store) => ({
      append: async (entry) => void (store.entries = [...store.entries.filter(({ exchangeId }) => exchangeId !== entry.exchangeId), toStorableEntry(entry)]),
    }),
    'appending an exchange twice keeps the first, and does not count it again',
  ],
  'an append resolves before it is kept': [
    (store) => ({ append: async (entry) => void setTimeout(() => store.entries.push(toStorableEntry(entry)), 1) }),
    'an entry is in reports and lists as soon as its append has resolved',
  ],
  "the caller's own object is kept": [
    (store) => ({
      append: async (entry) => {
        if (!store.entries.some(({ exchangeId }) => exchangeId === entry.exchangeId)) store.entries.push(entry)
      },
    }),
    'changing an entry after its append, or one that a list returned, changes nothing that is kept',
  ],
  'money is summed as floating point': [
    (store) => ({ report: async (query) => reportRows(store.entries, query).map((row) => ({ ...row, costNanoUsd: BigInt(Number(row.costNanoUsd)) })) }),
    'money beyond 2^53 nano-dollars is summed exactly over many exchanges',
  ],
  'all is billed to the model of the reply': [
    (store) => ({
      report: async (query) => {
        const billed =
          (entry: LedgerEntry) =>
          <Line extends { model: string }>(line: Line) => ({ ...line, model: entry.usage.lines[0]?.model ?? line.model })
        const flat = store.entries.map((entry) => ({
          ...entry,
          usage: { ...entry.usage, lines: entry.usage.lines.map(billed(entry)) },
          cost: { ...entry.cost, lines: entry.cost.lines.map(billed(entry)) },
        }))
        return reportRows(flat, query)
      },
    }),
    'compaction and advisor iterations are billed to the model that they ran on',
  ],
  'time zones are taken for their offset of today': [
    (store) => ({
      report: async (query) => reportRows(store.entries, { ...query, ...(query.timeZone === 'Europe/Berlin' && { timeZone: 'Etc/GMT-1' }) }),
    }),
    'the day that Berlin sets its clocks back has 25 hours, two of them under one name',
  ],
  'until is included': [
    (store) => ({ report: async (query) => reportRows(store.entries, { ...query, ...(query.until !== undefined && { until: query.until + 1 }) }) }),
    'a report takes exchanges from since on, and until but not at until',
  ],
  'limits are ignored': [
    (store) => ({ exchanges: async (query) => listEntries(store.entries, { ...query, limit: 1e9 }) }),
    'a list without a limit has a hundred',
  ],
}

for (const [what, [make, sentence]] of Object.entries(wrongStores)) {
  test(`a store is caught where ${what}`, async () => {
    expect(await broken(make)).toContain(sentence)
  })
}

test('a declared gap shows in the name of its case, and is reported once it has closed', async () => {
  const gaps = [{ case: raceForOne, reason: 'one writer only' }]
  const contracts = ledgerContract({ create: async () => ledgerOf({ entries: [] }), gaps })
  const declared = contracts.filter(({ gap }) => gap !== undefined)
  expect(declared.map(({ name, gap }) => [name, gap])).toEqual([[`${raceForOne} [gap: one writer only]`, 'one writer only']])
  await expect(declared[0]?.run()).rejects.toThrow('Remove the declaration')
  const racy = (store: Store): Partial<Ledger> => ({ append: async (entry) => void store.entries.push(entry) })
  const [gap] = ledgerContract({ create: async () => ledgerOf({ entries: [] }, racy({ entries: [] })), gaps }).filter(({ gap }) => gap !== undefined)
  await expect(gap?.run()).resolves.toBeUndefined()
})

test('a gap that names no case is refused', () => {
  expect(() => ledgerContract({ create: async () => ledgerOf({ entries: [] }), gaps: [{ case: 'no such sentence', reason: 'x' }] })).toThrow(ConfigurationError)
})

test('every store is destroyed, also after a failure', async () => {
  let open = 0
  const create = async () => {
    open += 1
    return ledgerOf({ entries: [] }, { append: () => Promise.reject(new Error('disk full')) })
  }
  const destroy = async () => void (open -= 1)
  for (const { run } of ledgerContract({ create, destroy })) await run().catch(() => undefined)
  expect(open).toBe(0)
})
