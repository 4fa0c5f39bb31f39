import type { PlaceClaim, RateClaim, RateResult } from '../ports/rate-book.ts'
import { bucketAfter, bucketAnswer, bucketAt, bucketFullAt, bucketRemaining, type RateBucket } from './token-bucket.ts'

/** Buckets and rooms in this process's memory: the verbs of a `RateBook` that count, done at once. What limits of the consistency `local` are counted in. */
export class RateTable {
  readonly #buckets = new Map<string, RateBucket>()
  readonly #rooms = new Map<string, Map<string, number>>()

  /** Buckets and places kept, full and expired ones too until they are pruned. */
  get size(): number {
    let size = this.#buckets.size
    for (const holders of this.#rooms.values()) size += holders.size
    return size
  }

  /** As `RateBook.take`. */
  take(claims: readonly RateClaim[], at: number): readonly RateResult[] {
    const buckets = claims.map((claim) => bucketAt(this.#buckets.get(claim.bucket), claim, at))
    const results = buckets.map((bucket, index) => bucketAnswer(bucket, (claims[index] as RateClaim).amount, at))
    const isTaken = results.every(({ isAllowed }) => isAllowed)
    return buckets.map((bucket, index) => {
      const { bucket: name, amount } = claims[index] as RateClaim
      // A refusal is kept too: what fills up from now on does so at the claim's speed, as the answer said.
      const after = isTaken ? bucketAfter(bucket, amount) : bucket
      this.#keep(name, after)
      return { ...(results[index] as RateResult), remaining: bucketRemaining(after) }
    })
  }

  /** As `RateBook.charge`. */
  charge(claims: readonly RateClaim[], at: number): void {
    for (const claim of claims) this.#keep(claim.bucket, bucketAfter(bucketAt(this.#buckets.get(claim.bucket), claim, at), claim.amount))
  }

  /** As `RateBook.enter`. */
  enter(claims: readonly PlaceClaim[], at: number): number | undefined {
    for (const [index, { room, holder, places }] of claims.entries()) {
      const holders = this.#rooms.get(room)
      if (holders === undefined ? places < 1 : !isThere(holders.get(holder), at) && isFull(holders, places, at)) return index
    }
    for (const { room, holder, expiresAt } of claims) {
      const holders = this.#rooms.get(room)
      if (holders === undefined) this.#rooms.set(room, new Map([[holder, expiresAt]]))
      else holders.set(holder, expiresAt)
    }
    return undefined
  }

  /** As `RateBook.leave`. */
  leave(places: readonly Pick<PlaceClaim, 'room' | 'holder'>[]): void {
    for (const { room, holder } of places) {
      const holders = this.#rooms.get(room)
      holders?.delete(holder)
      if (holders?.size === 0) this.#rooms.delete(room)
    }
  }

  /** As `RateBook.prune`. */
  prune(before: number): void {
    for (const [name, bucket] of this.#buckets) if (bucketFullAt(bucket) <= before) this.#buckets.delete(name)
    for (const [room, holders] of this.#rooms) {
      for (const [holder, expiresAt] of holders) if (expiresAt <= before) holders.delete(holder)
      if (holders.size === 0) this.#rooms.delete(room)
    }
  }

  #keep(name: string, bucket: RateBucket): void {
    // A full one that was kept stays until it is pruned: it knows how far the clock had come.
    if (bucket.missing > 0n || this.#buckets.has(name)) this.#buckets.set(name, bucket)
  }
}

function isThere(expiresAt: number | undefined, at: number): boolean {
  return expiresAt !== undefined && expiresAt > at
}

/** Forgets places that have expired, but only looks for them where it matters. */
function isFull(holders: Map<string, number>, places: number, at: number): boolean {
  if (holders.size < places) return false
  for (const [holder, expiresAt] of holders) if (!isThere(expiresAt, at)) holders.delete(holder)
  return holders.size >= places
}
