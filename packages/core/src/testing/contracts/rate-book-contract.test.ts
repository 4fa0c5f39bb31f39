import { describe, expect, test } from 'vitest'
import { compareText } from '../../ledger/text-order.ts'
import { toStorableText } from '../../ledger/storable.ts'
import type { PlaceClaim, RateBook, RateClaim, RateLimit } from '../../ports/rate-book.ts'
import { RateTable } from '../../rates/rate-table.ts'
import { rateBookContract } from './rate-book-contract.ts'

interface Store {
  table: RateTable
  limits: RateLimit[]
}

const tick = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve, 0))
const newStore = (): Store => ({ table: new RateTable(), limits: [] })
const storable = (limit: RateLimit): RateLimit =>
  JSON.parse(JSON.stringify(limit), (_key, value: unknown) => (typeof value === 'string' ? toStorableText(value) : value)) as RateLimit
const byId = (limits: readonly RateLimit[]): readonly RateLimit[] => limits.toSorted((left, right) => compareText(left.id, right.id)).map(storable)
const versionOf = (limits: readonly RateLimit[], id: string): number => limits.find((kept) => kept.id === toStorableText(id))?.version ?? 0

/** A store that keeps the contract, with parts to be replaced by wrong ones. */
function bookOf(store: Store, wrong: Partial<RateBook> = {}): RateBook {
  return {
    take: async (claims, at) => store.table.take(claims, at),
    charge: async (claims, at) => store.table.charge(claims, at),
    enter: async (claims, at) => store.table.enter(claims, at),
    leave: async (places) => store.table.leave(places),
    prune: async (before) => store.table.prune(before),
    define: async (limit) => {
      if (limit.version !== versionOf(store.limits, limit.id) + 1) return false
      store.limits = [...store.limits.filter(({ id }) => id !== toStorableText(limit.id)), storable(limit)]
      return true
    },
    remove: async (id) => {
      const before = store.limits.length
      store.limits = store.limits.filter((kept) => kept.id !== toStorableText(id))
      return store.limits.length < before
    },
    limits: async () => byId(store.limits),
    ...wrong,
  }
}

async function broken(make: (store: Store) => Partial<RateBook>): Promise<readonly string[]> {
  const failed: string[] = []
  const create = async (): Promise<RateBook> => {
    const store = newStore()
    return bookOf(store, make(store))
  }
  for (const { name, run } of rateBookContract({ create })) await run().catch(() => failed.push(name))
  return failed
}

describe('a store that keeps the contract passes it', () => {
  const stores = new WeakMap<RateBook, Store>()
  const opened = (store: Store): RateBook => {
    const book = bookOf(store)
    stores.set(book, store)
    return book
  }
  for (const { name, run } of rateBookContract({ create: async () => opened(newStore()), reopen: async (book) => opened(stores.get(book) as Store) }))
    test(name, run)
})

const raceForTokens = 'G4: of two hundred callers racing for a bucket of fifty exactly fifty get through'
const raceForPlaces = 'G5: of two hundred callers racing for five places exactly five are let in, and the others are told which room was full'
const raceForVersion = 'of fifty callers racing to keep one version exactly one does, and it is that one which is kept'

test('a store that reads a level, thinks, and writes it back lets too many through, and is caught', async () => {
  const failed = await broken(() => {
    const levels = new Map<string, number>()
    return {
      take: async (claims) => {
        const level = levels.get(claims[0]?.bucket ?? '') ?? claims[0]?.capacity ?? 0
        await tick()
        const { bucket, amount } = claims[0] as RateClaim
        if (level >= amount) levels.set(bucket, level - amount)
        return claims.map(() => ({ isAllowed: level >= amount, remaining: level, retryAfterMillis: 0 }))
      },
    }
  })
  expect(failed).toContain(raceForTokens)
})

test('a store that asks before it takes lets too many through, and is caught', async () => {
  const failed = await broken(({ table }) => ({
    take: async (claims, at) => {
      const asked = new RateTable()
      const [level] = table.take([{ ...(claims[0] ?? { bucket: '', capacity: 1, perMillis: 1 }), amount: 0 }], at)
      await tick()
      if ((level?.remaining ?? 0) < (claims[0]?.amount ?? 0)) return table.take(claims, at)
      table.charge(claims, at)
      return asked.take(claims, at)
    },
  }))
  expect(failed).toContain(raceForTokens)
})

test('a store that counts a room before it enters lets too many in, and is caught', async () => {
  const failed = await broken(() => {
    const rooms = new Map<string, Set<string>>()
    return {
      enter: async (claims) => {
        const full = claims.findIndex(({ room, places }) => (rooms.get(room)?.size ?? 0) >= places)
        await tick()
        if (full !== -1) return full
        for (const { room, holder } of claims) rooms.set(room, (rooms.get(room) ?? new Set()).add(holder))
        return undefined
      },
    }
  })
  expect(failed).toContain(raceForPlaces)
})

test('a store that compares versions before it writes keeps several changes, and is caught', async () => {
  const failed = await broken((store) => ({
    define: async (limit) => {
      const isNext = limit.version === versionOf(store.limits, limit.id) + 1
      await tick()
      if (isNext) store.limits = [...store.limits.filter(({ id }) => id !== toStorableText(limit.id)), storable(limit)]
      return isNext
    },
  }))
  expect(failed).toContain(raceForVersion)
})

/** Levels as floating point, filled up by so much a millisecond at each look. */
function floatingLevels(): Partial<RateBook> {
  const levels = new Map<string, { level: number; at: number }>()
  const levelOf = ({ bucket, capacity, perMillis }: RateClaim, at: number): number => {
    const kept = levels.get(bucket) ?? { level: capacity, at }
    return Math.min(capacity, kept.level + (Math.max(0, at - kept.at) * capacity) / perMillis)
  }
  return {
    take: async (claims, at) => {
      const found = claims.map((claim) => levelOf(claim, at))
      const isTaken = claims.every(({ amount }, index) => (found[index] ?? 0) >= amount)
      return claims.map((claim, index) => {
        const level = (found[index] ?? 0) - (isTaken ? claim.amount : 0)
        levels.set(claim.bucket, { level, at })
        const isAllowed = (found[index] ?? 0) >= claim.amount
        const wait = claim.amount > claim.capacity ? Infinity : Math.ceil(((claim.amount - level) * claim.perMillis) / claim.capacity)
        return { isAllowed, remaining: Math.floor(level), retryAfterMillis: isAllowed ? 0 : wait }
      })
    },
    charge: async (claims, at) => {
      for (const claim of claims) levels.set(claim.bucket, { level: Math.min(claim.capacity, levelOf(claim, at) - claim.amount), at })
    },
  }
}

const without = (claims: readonly PlaceClaim[]): readonly PlaceClaim[] => claims.map((claim) => ({ ...claim, holder: `${claim.holder} ${Math.random()}` }))

const wrongStores: Readonly<Record<string, readonly [(store: Store) => Partial<RateBook>, string]>> = {
  'levels drift': [floatingLevels, 'filling up loses nothing and makes up nothing, however often somebody looks'],
  'a clock that goes back and on again fills up twice': [
    floatingLevels,
    'a clock that went back gives nothing, takes nothing away, and a wait counts from where it went to',
  ],
  'buckets are taken from one by one': [
    ({ table }) => ({ take: async (claims, at) => claims.flatMap((claim) => table.take([claim], at)) }),
    'where one bucket of several has not enough, none is taken from; results stand in the order of the claims, and say which one it was',
  ],
  'a wait is rounded down': [
    ({ table }) => ({
      take: async (claims, at) => table.take(claims, at).map((result) => ({ ...result, retryAfterMillis: Math.max(0, result.retryAfterMillis - 1) })),
    }),
    'waiting as long as a refusal said is enough, and one millisecond less is not',
  ],
  'a wait is rounded up to the second': [
    ({ table }) => ({
      take: async (claims, at) => table.take(claims, at).map((result) => ({ ...result, retryAfterMillis: Math.ceil(result.retryAfterMillis / 1_000) * 1_000 })),
    }),
    'waiting as long as a refusal said is enough, and one millisecond less is not',
  ],
  'a charge stops at nothing left': [
    ({ table }) => ({
      charge: async (claims, at) =>
        table.charge(
          claims.map((claim) => ({ ...claim, amount: Math.min(claim.amount, claim.capacity) })),
          at,
        ),
    }),
    'a charge goes into debt, and nothing is given until the debt has been filled up',
  ],
  'whoever comes again takes a second place': [
    ({ table }) => ({ enter: async (claims, at) => table.enter(without(claims), at) }),
    'one holder entering fifty times at once has one place',
  ],
  'rooms are entered one by one': [
    ({ table }) => ({
      enter: async (claims, at) => {
        const index = claims.findIndex((claim) => table.enter([claim], at) !== undefined)
        return index === -1 ? undefined : index
      },
    }),
    'where one room of several is full, no place is taken in the others, and the first full one is named',
  ],
  'places never expire': [
    ({ table }) => ({
      enter: async (claims, at) =>
        table.enter(
          claims.map((claim) => ({ ...claim, expiresAt: Infinity })),
          at,
        ),
    }),
    'a place is free from the instant that it expires at, and not before',
  ],
  'pruning forgets everything old': [
    (store) => ({
      prune: async () => void (store.table = new RateTable()),
      take: async (claims, at) => store.table.take(claims, at),
      charge: async (claims, at) => store.table.charge(claims, at),
    }),
    'pruning forgets no bucket that is not full again',
  ],
  'text is kept as it came': [
    (store) => ({
      define: async (limit) => (store.limits = [...store.limits, structuredClone(limit)]).length > 0,
      limits: async () => [...store.limits].toSorted((left, right) => compareText(left.id, right.id)),
    }),
    'hostile text is kept as storable text, and harms neither its own limit nor another',
  ],
}

for (const [what, [make, sentence]] of Object.entries(wrongStores)) {
  test(`a store is caught where ${what}`, async () => {
    expect(await broken(make)).toContain(sentence)
  })
}
