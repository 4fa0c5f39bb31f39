import { describe, expect, test } from 'vitest'
import { listEntries } from '../../ledger/list-entries.ts'
import { reportRows } from '../../ledger/report-totals.ts'
import { toStorableEntry, toStorableText } from '../../ledger/storable.ts'
import type { LedgerEntry, ProvisionalEntries } from '../../ports/ledger.ts'
import { provisionalContract, type ProvisionalLedger } from './provisional-contract.ts'

type Kept = { readonly entry: LedgerEntry; readonly isRecovered: boolean }
type Open = { readonly entry: LedgerEntry; readonly owner: string }
type Wrong = Partial<ProvisionalEntries> & { readonly append?: ProvisionalLedger['append'] }

/** What a test's store is made of: wrong parts get at it. */
class Store {
  readonly kept = new Map<string, Kept>()
  readonly open = new Map<string, Open>()
  readonly alive = new Map<string, number>()

  left(at: number, limit: number): readonly LedgerEntry[] {
    const dead = [...this.open.values()].filter(({ owner }) => (this.alive.get(owner) ?? -Infinity) <= at)
    return dead.slice(0, limit).map(({ entry }) => entry)
  }

  move(entry: LedgerEntry): void {
    this.open.delete(entry.exchangeId)
    this.kept.set(entry.exchangeId, { entry, isRecovered: true })
  }
}

const tick = () => new Promise<void>((resolve) => setTimeout(resolve, 0))

/** A store that keeps the contract, with parts to be replaced by wrong ones. */
function ledgerOf(store: Store, { append, ...wrong }: Wrong = {}): ProvisionalLedger {
  const entries = () => [...store.kept.values()].map(({ entry }) => entry)
  return {
    append:
      append ??
      (async (given) => {
        const entry = toStorableEntry(given)
        store.open.delete(entry.exchangeId)
        if (store.kept.get(entry.exchangeId)?.isRecovered !== false) store.kept.set(entry.exchangeId, { entry, isRecovered: false })
      }),
    report: async (query) => reportRows(entries(), query),
    exchanges: async (query) => listEntries(entries(), query),
    provisional: {
      open: async (given, owner) => {
        const entry = toStorableEntry(given)
        if (store.kept.has(entry.exchangeId) || store.open.has(entry.exchangeId)) return
        store.open.set(entry.exchangeId, { entry, owner: toStorableText(owner) })
      },
      keepAlive: async (owner, until) => void store.alive.set(toStorableText(owner), until),
      recover: async (at, limit) => {
        const left = store.left(at, limit)
        for (const entry of left) store.move(entry)
        return left
      },
      ...wrong,
    },
  }
}

async function broken(make: (store: Store) => Wrong): Promise<readonly string[]> {
  const failed: string[] = []
  const create = async () => {
    const store = new Store()
    return ledgerOf(store, make(store))
  }
  for (const { name, run } of provisionalContract({ create })) await run().catch(() => failed.push(name))
  return failed
}

describe('a store that keeps the contract passes it', () => {
  const stores = new WeakMap<ProvisionalLedger, Store>()
  const opened = (store: Store) => {
    const ledger = ledgerOf(store)
    stores.set(ledger, store)
    return ledger
  }
  for (const { name, run } of provisionalContract({ create: async () => opened(new Store()), reopen: async (ledger) => opened(stores.get(ledger) as Store) }))
    test(name, run)
})

test('a store that looks before it moves recovers an entry more than once, and is caught', async () => {
  const failed = await broken((store) => ({
    recover: async (at, limit) => {
      const left = store.left(at, limit)
      await tick()
      for (const entry of left) store.move(entry)
      return left
    },
  }))
  expect(failed).toContain('of fifty callers racing to recover each entry is moved by exactly one')
})

const wrongStores: Readonly<Record<string, readonly [(store: Store) => Wrong, string]>> = {
  'what is open counts already': [
    (store) => ({ open: async (entry) => store.move(toStorableEntry(entry)) }),
    'an exchange that is open is in no report and no list',
  ],
  'an append leaves what was open': [
    (store) => ({ append: async (entry) => void store.kept.set(entry.exchangeId, { entry: toStorableEntry(entry), isRecovered: false }) }),
    'an append takes away what was open: it counts once, as appended, and nothing is left to recover',
  ],
  'opening again takes the later one': [
    (store) => ({ open: async (entry, owner) => void store.open.set(entry.exchangeId, { entry: toStorableEntry(entry), owner: toStorableText(owner) }) }),
    'opening again keeps the first and its owner, and does nothing once the exchange has been appended or recovered',
  ],
  'the estimate stays when the truth comes': [
    (store) => ({
      append: async (entry) => {
        store.open.delete(entry.exchangeId)
        if (!store.kept.has(entry.exchangeId)) store.kept.set(entry.exchangeId, { entry: toStorableEntry(entry), isRecovered: false })
      },
    }),
    'an append that comes after the recovery takes the place of what was recovered, in lists and in every sum, once',
  ],
  'the last append after a recovery wins': [
    (store) => ({ append: async (entry) => void store.kept.set(entry.exchangeId, { entry: toStorableEntry(entry), isRecovered: true }) }),
    'an append that comes after the recovery takes the place of what was recovered, in lists and in every sum, once',
  ],
  'nobody is believed to live': [
    () => ({ keepAlive: async () => undefined }),
    'an owner that says it lives keeps what it opened, before and after saying so, until the last instant that it gave',
  ],
  'limits are ignored': [
    (store) => ({
      recover: async (at) => {
        const left = store.left(at, Infinity)
        for (const entry of left) store.move(entry)
        return left
      },
    }),
    'no more are moved at once than asked for, and the rest the next time',
  ],
}

for (const [what, [make, sentence]] of Object.entries(wrongStores)) {
  test(`a store is caught where ${what}`, async () => {
    expect(await broken(make)).toContain(sentence)
  })
}
