import type { Fault } from '../errors.ts'
import type { Clock } from '../host.ts'

/** The rate book could not be asked. */
export class RateBookUnavailable extends Error {
  override readonly name: string = 'RateBookUnavailable'
}

/** After a failure the store is let alone for so long: exchanges must not queue up behind its timeouts. */
const restMillis = 1_000
/** A store that has not answered an exchange by then counts as out. */
const exchangePatienceMillis = 2_000

/** Asks a store, notices its outages, and tells of each once. */
export class StoreGuard {
  readonly #clock: Clock
  readonly #onFault: (fault: Fault) => void
  #isOut = false
  #restsUntil = -Infinity

  constructor(clock: Clock, onFault: (fault: Fault) => void) {
    this.#clock = clock
    this.#onFault = onFault
  }

  /** @throws RateBookUnavailable where the store fails, does not answer in time, or has failed a moment ago */
  async ask<Value>(what: string, call: () => Promise<Value>, patienceMillis: number = exchangePatienceMillis): Promise<Value> {
    if (this.#clock.now() < this.#restsUntil) throw new RateBookUnavailable('the rate book has failed a moment ago')
    const late = Promise.withResolvers<never>()
    const cancel =
      patienceMillis === Infinity ? () => undefined : this.#clock.after(patienceMillis, () => late.reject(new Error(`no answer within ${patienceMillis} ms`)))
    try {
      const value = await Promise.race([call(), late.promise])
      this.#recovered()
      return value
    } catch (cause) {
      this.#failed(what, cause)
      throw new RateBookUnavailable(`the rate book could not ${what}`, { cause })
    } finally {
      cancel()
    }
  }

  #failed(what: string, cause: unknown): void {
    this.#restsUntil = this.#clock.now() + restMillis
    if (this.#isOut) return
    this.#isOut = true
    this.#onFault({
      code: 'rate-book-failed',
      message: `the rate book could not ${what}; limits that it keeps are not exact until it is back`,
      source: 'rate-limit',
      cause,
    })
  }

  #recovered(): void {
    if (!this.#isOut) return
    this.#isOut = false
    this.#onFault({ code: 'rate-book-recovered', message: 'the rate book answers again', source: 'rate-limit' })
  }
}
