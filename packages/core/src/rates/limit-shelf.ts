import type { Fault } from '../errors.ts'
import type { Clock } from '../host.ts'
import type { RateBook, RateLimit } from '../ports/rate-book.ts'
import { rateLimitOf } from './check-limit.ts'
import type { StoreGuard } from './store-guard.ts'

/** No exchange is judged by limits older than this, while the store answers. */
const maxAgeMillis = 5_000
/** From this age on they are fetched anew in the background. */
const refreshAgeMillis = 2_500

/** The limits in force, as a store keeps them, for a few seconds; through an outage, as they were last known. */
export class LimitShelf {
  readonly #book: Pick<RateBook, 'limits'>
  readonly #guard: StoreGuard
  readonly #clock: Clock
  readonly #onFault: (fault: Fault) => void
  #told = new Set<string>()
  #limits: readonly RateLimit[] | undefined
  #fetchedAt = -Infinity
  #fetching: Promise<void> | undefined

  constructor(book: Pick<RateBook, 'limits'>, guard: StoreGuard, clock: Clock, onFault: (fault: Fault) => void) {
    this.#book = book
    this.#guard = guard
    this.#clock = clock
    this.#onFault = onFault
  }

  /** Undefined where they have never been known. */
  async current(): Promise<readonly RateLimit[] | undefined> {
    const age = this.#clock.now() - this.#fetchedAt
    // A clock that was set back makes nothing fresh.
    if (age >= 0 && age < refreshAgeMillis) return this.#limits
    this.#fetching ??= this.#fetch()
    if (age < 0 || age >= maxAgeMillis) await this.#fetching
    return this.#limits
  }

  /** Never rejects: the guard has told of a failure. */
  async #fetch(): Promise<void> {
    const askedAt = this.#clock.now()
    try {
      this.#limits = this.#usable(await this.#guard.ask('list its limits', () => this.#book.limits()))
      this.#fetchedAt = askedAt
    } catch {
      // The last known ones stay in force.
    } finally {
      this.#fetching = undefined
    }
  }

  /** A limit that cannot be counted is left out, and told of once: the others must go on. */
  #usable(limits: readonly RateLimit[]): readonly RateLimit[] {
    const unusable = new Set<string>()
    const usable = limits.filter((limit) => {
      try {
        rateLimitOf(limit)
        return true
      } catch (cause) {
        const version = `${limit.id} ${limit.version}`
        unusable.add(version)
        if (!this.#told.has(version)) {
          this.#onFault({ code: 'rate-book-failed', message: `the rate limit "${limit.name}" cannot be counted and is left out`, source: 'rate-limit', cause })
        }
        return false
      }
    })
    this.#told = unusable
    return usable
  }
}
