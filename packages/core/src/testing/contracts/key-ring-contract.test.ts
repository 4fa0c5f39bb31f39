import { describe, expect, test } from 'vitest'
import { revokedKey, rotatedKey } from '../../keys/key-changes.ts'
import { isWithin } from '../../keys/scope-path.ts'
import { toStorable, toStorableText } from '../../ledger/storable.ts'
import { compareText } from '../../ledger/text-order.ts'
import type { KeyQuery, KeyRecord, KeyRing } from '../../ports/key-ring.ts'
import { keyRingContract } from './key-ring-contract.ts'

type Store = Map<string, KeyRecord>

const tick = () => new Promise<void>((resolve) => setTimeout(resolve, 0))

function page(store: Store, { under, after, limit = 100 }: KeyQuery, within = isWithin, compare = compareText): readonly KeyRecord[] {
  return [...store.values()]
    .filter(({ id, scope }) => (under === undefined || within(scope, toStorableText(under))) && (after === undefined || compare(id, after) > 0))
    .toSorted((left, right) => compare(left.id, right.id))
    .slice(0, limit)
}

/** A store that keeps the contract, with parts to be replaced by wrong ones. */
function ringOf(store: Store, wrong: Partial<KeyRing> = {}): KeyRing {
  const change = (id: string, changed: (record: KeyRecord) => KeyRecord | undefined): KeyRecord | undefined => {
    const record = store.get(toStorableText(id))
    const after = record && changed(record)
    if (after !== undefined) store.set(after.id, toStorable(after))
    return after && store.get(after.id)
  }
  return {
    issue: async (record) => {
      if (store.has(record.id)) return false
      store.set(record.id, toStorable(record))
      return true
    },
    find: async (id) => store.get(toStorableText(id)),
    rotate: async (rotation) => change(rotation.id, (record) => (record.revocation === undefined ? rotatedKey(record, rotation) : undefined)),
    revoke: async (id, revocation) => change(id, (record) => revokedKey(record, revocation)),
    list: async (query) => page(store, query),
    ...wrong,
  }
}

async function broken(make: (store: Store) => Partial<KeyRing>): Promise<readonly string[]> {
  const failed: string[] = []
  const create = async () => {
    const store: Store = new Map()
    return ringOf(store, make(store))
  }
  for (const { name, run } of keyRingContract({ create })) await run().catch(() => failed.push(name))
  return failed
}

describe('a store that keeps the contract passes it', () => {
  const stores = new WeakMap<KeyRing, Store>()
  const opened = (store: Store) => {
    const ring = ringOf(store)
    stores.set(ring, store)
    return ring
  }
  const reopen = async (ring: KeyRing) => opened(stores.get(ring) as Store)
  for (const { name, run } of keyRingContract({ create: async () => opened(new Map()), reopen })) test(name, run)
})

/** Reads, waits as a database does, and writes what it made of what it read. */
const readThenWrite = (store: Store): Partial<KeyRing> => ({
  issue: async (record) => {
    const isTaken = store.has(record.id)
    await tick()
    if (!isTaken) store.set(record.id, toStorable(record))
    return !isTaken
  },
  rotate: async (rotation) => {
    const record = store.get(toStorableText(rotation.id))
    await tick()
    if (record === undefined || record.revocation !== undefined) return undefined
    store.set(record.id, toStorable(rotatedKey(record, rotation)))
    return store.get(record.id)
  },
  revoke: async (id, revocation) => {
    const record = store.get(toStorableText(id))
    await tick()
    if (record === undefined) return undefined
    store.set(record.id, toStorable(revokedKey(record, revocation)))
    return store.get(record.id)
  },
})

test('a store that reads, waits, and writes is caught wherever callers race, and nowhere else', async () => {
  expect(await broken(readThenWrite)).toEqual([
    'of fifty callers racing to issue one id exactly one is told so, and its key is the one kept',
    'the key that the first caller to be done has issued stays, however many come right behind',
    'of fifty racing rotations none is lost, and nobody ever sees more than two secrets',
    'of fifty racing revocations one stays, all callers are told of it, and one leak among them is enough',
    'a revoked key is rotated no more, and a revocation that races with rotations is never lost',
  ])
})

const like = (pattern: string): RegExp =>
  new RegExp(
    `^${pattern
      .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
      .replaceAll('%', '.*')
      .replaceAll('_', '.')}$`,
    's',
  )

const under = 'a list under a scope has its keys and those of everything below it, and of no scope that only looks like it'

const wrongStores: Readonly<Record<string, readonly [(store: Store) => Partial<KeyRing>, string]>> = {
  'a scope is looked for by an unescaped LIKE': [
    (store) => ({ list: async (query) => page(store, query, (path, ancestor) => path === ancestor || like(`${ancestor}/%`).test(path)) }),
    under,
  ],
  'a scope is looked for by its beginning': [(store) => ({ list: async (query) => page(store, query, (path, ancestor) => path.startsWith(ancestor)) }), under],
  'a scope is looked for in any case': [
    (store) => ({ list: async (query) => page(store, query, (path, ancestor) => isWithin(path.toLowerCase(), ancestor.toLowerCase())) }),
    under,
  ],
  'ids are sorted as a locale does': [
    (store) => ({ list: async (query) => page(store, query, isWithin, (left, right) => left.localeCompare(right, 'en')) }),
    'keys are listed in order of their id by code point, after a given one, at most as many as asked for',
  ],
  'the last revocation wins': [
    (store) => ({
      revoke: async (id, revocation) => {
        const record = store.get(id)
        if (record !== undefined) store.set(id, toStorable({ ...record, revocation }))
        return store.get(id)
      },
    }),
    'the first revocation of a key stays; that it leaked may be added later, and is never taken back',
  ],
  'secrets pile up': [
    (store) => ({
      rotate: async ({ id, secret }) => {
        const record = store.get(id)
        if (record !== undefined) store.set(id, toStorable({ ...record, secrets: [...record.secrets, secret] }))
        return store.get(id)
      },
    }),
    'a rotation adds a secret, ends the present one at the end of the overlap, and drops the one before',
  ],
  "the caller's own object is kept": [
    (store) => ({ issue: async (record) => !store.has(record.id) && store.set(record.id, record) !== undefined }),
    'changing a key after it was issued, or one that was returned, changes nothing that is kept',
  ],
  'revoked keys are not found': [
    (store) => ({
      find: async (id) => {
        const record = store.get(id)
        return record?.revocation === undefined ? record : undefined
      },
    }),
    'a key comes back whole, field by field, by its id and in a list',
  ],
}

for (const [what, [make, sentence]] of Object.entries(wrongStores)) {
  test(`a key ring is caught where ${what}`, async () => {
    expect(await broken(make)).toContain(sentence)
  })
}
