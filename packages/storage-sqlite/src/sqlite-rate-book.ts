import { bucketAfter, bucketAnswer, bucketAt, bucketFullAt, bucketRemaining, type PlaceClaim, type RateBook, type RateBucket } from '@sluice/core'
import type { RateClaim, RateLimit, RateResult } from '@sluice/core'
import { toStorable, toStorableText } from '@sluice/core/ledger'
import type { StatementSync } from 'node:sqlite'
import type { SqliteDatabase } from './sqlite-database.ts'
import { VersionedRecords } from './versioned-records.ts'

/** A {@link RateBook} in an SQLite database. */
export function sqliteRateBook(database: SqliteDatabase): RateBook {
  const buckets = new Buckets(database)
  const places = new Places(database)
  const limits = new VersionedRecords(database, 'limits')
  return {
    take: (claims, at) => database.write(() => buckets.take(claims, at)),
    charge: async (claims, at) => {
      await database.write(() => buckets.charge(claims, at))
    },
    enter: (claims, at) => database.write(() => places.enter(claims, at)),
    leave: async (left) => {
      await database.write(() => places.leave(left))
    },
    prune: async (before) => {
      await database.write(() => {
        buckets.prune(before)
        places.prune(before)
      })
    },
    define: (limit) => limits.define(limit.id, limit.version, JSON.stringify(toStorable(limit))),
    remove: (id) => limits.remove(id),
    limits: async () => (await limits.all()).map((json) => JSON.parse(json) as RateLimit),
  }
}

class Buckets {
  readonly #find: StatementSync
  readonly #keep: StatementSync
  readonly #prune: StatementSync

  constructor(database: SqliteDatabase) {
    this.#find = database.prepare('select missing, capacity, per_millis, at from rates where bucket = ?')
    this.#keep = database.prepare(
      `insert into rates (bucket, missing, capacity, per_millis, at, full_at) values (?, ?, ?, ?, ?, ?) on conflict do update
       set missing = excluded.missing, capacity = excluded.capacity, per_millis = excluded.per_millis, at = excluded.at, full_at = excluded.full_at`,
    )
    this.#prune = database.prepare('delete from rates where full_at <= ?')
  }

  take(claims: readonly RateClaim[], at: number): readonly RateResult[] {
    const buckets = claims.map((claim) => bucketAt(this.#kept(claim), claim, at))
    const results = buckets.map((bucket, index) => bucketAnswer(bucket, (claims[index] as RateClaim).amount, at))
    const isTaken = results.every(({ isAllowed }) => isAllowed)
    return results.map((result, index) => {
      const claim = claims[index] as RateClaim
      const bucket = buckets[index] as RateBucket
      // A refusal is kept too: what fills up from now on does so at the claim's speed, as the answer said.
      const after = isTaken ? bucketAfter(bucket, claim.amount) : bucket
      this.#change(claim, after)
      return { ...result, remaining: bucketRemaining(after) }
    })
  }

  charge(claims: readonly RateClaim[], at: number): void {
    for (const claim of claims) this.#change(claim, bucketAfter(bucketAt(this.#kept(claim), claim, at), claim.amount))
  }

  prune(before: number): void {
    this.#prune.run(before)
  }

  #kept({ bucket }: RateClaim): RateBucket | undefined {
    const row = this.#find.get(toStorableText(bucket))
    if (row === undefined) return undefined
    const { missing, capacity, per_millis: perMillis, at } = row
    return { missing: BigInt(missing as string), capacity: capacity as number, perMillis: perMillis as number, at: at as number }
  }

  #change({ bucket }: RateClaim, after: RateBucket): void {
    this.#keep.run(toStorableText(bucket), after.missing.toString(), after.capacity, after.perMillis, after.at, bucketFullAt(after))
  }
}

class Places {
  readonly #forgetExpired: StatementSync
  readonly #count: StatementSync
  readonly #isThere: StatementSync
  readonly #enter: StatementSync
  readonly #leave: StatementSync
  readonly #prune: StatementSync

  constructor(database: SqliteDatabase) {
    this.#forgetExpired = database.prepare('delete from places where room = ? and expires_at <= ?')
    this.#count = database.prepare('select count(*) as taken from places where room = ?')
    this.#isThere = database.prepare('select 1 from places where room = ? and holder = ?')
    this.#enter = database.prepare('insert into places (room, holder, expires_at) values (?, ?, ?) on conflict do update set expires_at = excluded.expires_at')
    this.#leave = database.prepare('delete from places where room = ? and holder = ?')
    this.#prune = database.prepare('delete from places where expires_at <= ?')
  }

  enter(claims: readonly PlaceClaim[], at: number): number | undefined {
    const wanted = claims.map((claim) => ({ ...claim, room: toStorableText(claim.room), holder: toStorableText(claim.holder) }))
    for (const [index, { room, holder, places }] of wanted.entries()) {
      this.#forgetExpired.run(room, at)
      if (this.#isThere.get(room, holder) !== undefined) continue
      if (Number(this.#count.get(room)?.['taken']) >= places) return index
    }
    for (const { room, holder, expiresAt } of wanted) this.#enter.run(room, holder, expiresAt)
    return undefined
  }

  leave(places: readonly Pick<PlaceClaim, 'room' | 'holder'>[]): void {
    for (const { room, holder } of places) this.#leave.run(toStorableText(room), toStorableText(holder))
  }

  prune(before: number): void {
    this.#prune.run(before)
  }
}
