import type { RateBook, RateClaim, RateResult } from '../ports/rate-book.ts'

/** What this process holds of a shared bucket. */
interface Portion {
  left: number
  /** What is left lapses at this instant. */
  until: number
  /** Which stretch of `lapseMillis` demand was last counted in, and how much was asked for in it and in the one before. */
  stretch: number
  asked: number
  askedBefore: number
}

/** How a bucket is shared out. */
interface Terms {
  /** The most that is taken at a time. */
  readonly portion: number
  /** How long an unused portion is good for. */
  readonly lapseMillis: number
  /** The shared bucket: smaller by a portion, and filling up no faster than the whole. */
  readonly capacity: number
  readonly perMillis: number
}

const portionsPerBucket = 10

/**
 * A portion's worth is kept out of the shared bucket, and a portion lapses within the time that as much takes to fill up. So what all replicas spend in any
 * stretch T was taken from the shared bucket in a stretch no longer than T + lapseMillis, and comes to no more than capacity + T * capacity / perMillis.
 */
function termsOf({ capacity, perMillis }: RateClaim): Terms {
  const portion = Math.floor(capacity / portionsPerBucket)
  if (portion <= 1) return { portion: 1, lapseMillis: 0, capacity, perMillis }
  const shared = capacity - portion
  return { portion, lapseMillis: Math.floor((perMillis / capacity) * portion), capacity: shared, perMillis: Math.ceil((perMillis / capacity) * shared) }
}

/**
 * Buckets of a shared book, taken in portions of up to a tenth and spent here: most takes need no round trip. Across all replicas no stretch of time sees more than
 * the limit allows; each replica may hold up to a portion that others could have used, and the whole gives a portion less at once. What is taken at a time
 * follows what was asked for of late, so a replica that is seldom asked holds nothing. Buckets of less than twenty are taken from one by one.
 */
export class LeasedBuckets {
  readonly #book: Pick<RateBook, 'take' | 'charge'>
  readonly #portions = new Map<string, Portion>()
  #lastLease: Promise<unknown> = Promise.resolve()

  constructor(book: Pick<RateBook, 'take' | 'charge'>) {
    this.#book = book
  }

  /** As `RateBook.take`. */
  async take(claims: readonly RateClaim[], at: number): Promise<readonly RateResult[]> {
    for (const claim of claims) this.#countDemand(claim, at)
    const results = this.#takeHere(claims, at)
    if (results !== undefined) return results
    // One at a time: whoever waits here may find what the one before has fetched.
    const leased = this.#lastLease.then(() => this.#takeHere(claims, at) ?? this.#lease(claims, at))
    this.#lastLease = leased.catch(() => undefined)
    return leased
  }

  /** As `RateBook.charge`: spends what is here first, the rest goes to the book. */
  async charge(claims: readonly RateClaim[], at: number): Promise<void> {
    const rest: RateClaim[] = []
    for (const claim of claims) {
      if (claim.amount > 0) this.#countDemand(claim, at)
      const portion = this.#portionOf(claim.bucket, at)
      const here = claim.amount < 0 && portion.until <= at ? 0 : Math.min(portion.left, claim.amount)
      portion.left -= here
      if (claim.amount > here && claim.amount > 0) rest.push(toShared(claim, claim.amount - here))
    }
    if (rest.length > 0) await this.#book.charge(rest, at)
  }

  /** Forgets portions that lapsed before this instant. */
  prune(before: number): void {
    for (const [bucket, { until }] of this.#portions) if (until <= before) this.#portions.delete(bucket)
  }

  #takeHere(claims: readonly RateClaim[], at: number): readonly RateResult[] | undefined {
    const portions = claims.map(({ bucket }) => this.#portionOf(bucket, at))
    if (!portions.every(({ left }, index) => left >= (claims[index] as RateClaim).amount)) return undefined
    return portions.map((portion, index) => {
      portion.left -= (claims[index] as RateClaim).amount
      return { isAllowed: true, remaining: portion.left, retryAfterMillis: 0 }
    })
  }

  async #lease(claims: readonly RateClaim[], at: number): Promise<readonly RateResult[]> {
    const isHere = claims.map(({ bucket, amount }) => this.#portionOf(bucket, at).left >= amount)
    const lacking = claims.filter((_, index) => isHere[index] !== true)
    const here = claims.filter((_, index) => isHere[index] === true)
    for (const { bucket, amount } of here) this.#portionOf(bucket, at).left -= amount
    let isTaken = false
    try {
      const { sizes, results } = await this.#fetch(lacking, at)
      isTaken = results.every(({ isAllowed }) => isAllowed)
      if (isTaken) for (const [index, claim] of lacking.entries()) this.#put(claim, (sizes[index] as number) - claim.amount, at)
      return claims.map(
        (claim) => results[lacking.indexOf(claim)] ?? { isAllowed: true, remaining: this.#portionOf(claim.bucket, at).left, retryAfterMillis: 0 },
      )
    } finally {
      if (!isTaken) for (const { bucket, amount } of here) this.#portionOf(bucket, at).left += amount
    }
  }

  /** Asks for what demand suggests, then for what is left, and last for no more than is needed, so that a refusal says how long that takes. */
  async #fetch(claims: readonly RateClaim[], at: number): Promise<{ readonly sizes: readonly number[]; readonly results: readonly RateResult[] }> {
    let sizes = claims.map((claim) => this.#sizeOf(claim))
    let results = await this.#ask(claims, sizes, at)
    const isRefused = (): boolean => results.some(({ isAllowed }) => !isAllowed)
    const isMore = (): boolean => sizes.some((size, index) => size > (claims[index] as RateClaim).amount)
    if (isRefused() && isMore()) {
      sizes = sizes.map((size, index) => Math.max((claims[index] as RateClaim).amount, Math.min(size, (results[index] as RateResult).remaining)))
      results = await this.#ask(claims, sizes, at)
    }
    if (isRefused() && isMore()) {
      sizes = claims.map(({ amount }) => amount)
      results = await this.#ask(claims, sizes, at)
    }
    return { sizes, results }
  }

  #ask(claims: readonly RateClaim[], sizes: readonly number[], at: number): Promise<readonly RateResult[]> {
    return this.#book.take(
      claims.map((claim, index) => toShared(claim, sizes[index] as number)),
      at,
    )
  }

  #sizeOf(claim: RateClaim): number {
    const portion = this.#portions.get(claim.bucket)
    const demand = Math.max(portion?.asked ?? 0, portion?.askedBefore ?? 0)
    return Math.max(claim.amount, Math.min(demand, termsOf(claim).portion))
  }

  #put(claim: RateClaim, more: number, at: number): void {
    const portion = this.#portionOf(claim.bucket, at)
    const until = at + termsOf(claim).lapseMillis
    portion.until = portion.left > 0 ? Math.min(portion.until, until) : until
    portion.left += more
  }

  #countDemand(claim: RateClaim, at: number): void {
    const { lapseMillis } = termsOf(claim)
    const portion = this.#portionOf(claim.bucket, at)
    const stretch = Math.floor(at / Math.max(1, lapseMillis))
    if (stretch !== portion.stretch) {
      portion.askedBefore = stretch === portion.stretch + 1 ? portion.asked : 0
      portion.asked = 0
      portion.stretch = stretch
    }
    portion.asked += claim.amount
  }

  /** What is held of a bucket; nothing is left where it has lapsed. */
  #portionOf(bucket: string, at: number): Portion {
    let portion = this.#portions.get(bucket)
    if (portion === undefined) {
      portion = { left: 0, until: at, stretch: 0, asked: 0, askedBefore: 0 }
      this.#portions.set(bucket, portion)
    } else if (portion.until <= at) portion.left = 0
    return portion
  }
}

function toShared(claim: RateClaim, amount: number): RateClaim {
  const { capacity, perMillis } = termsOf(claim)
  return { bucket: claim.bucket, amount, capacity, perMillis }
}
