import type { Fault } from '../errors.ts'
import type { Clock } from '../host.ts'

/** The rate book could not be asked. */
export class RateBookUnavailable extends Error {
  override readonly name: string = 'RateBookUnavailable'
}

/** How a store is asked. */
interface Asking {
  /** Infinity for what nobody waits for. @defaultValue 2_000 */
  readonly patienceMillis?: number
  /** True for the end of what began while the store was there: it is asked in any case. @defaultValue false */
  readonly isEnd?: boolean
}

/** In an outage the store is let alone for so long between tries: exchanges must not queue up behind its timeouts. */
const restMillis = 1_000
/** A store that has not answered an exchange by then counts as out. */
const exchangePatienceMillis = 2_000

/** Asks a store, notices its outages, and tells of each once. A single failure is no reason to let the store alone; a second one, or no answer, is. */
export class StoreGuard {
  readonly #clock: Clock
  readonly #onFault: (fault: Fault) => void
  #isOut = false
  #restsUntil = -Infinity

  constructor(clock: Clock, onFault: (fault: Fault) => void) {
    this.#clock = clock
    this.#onFault = onFault
  }

  /** @throws RateBookUnavailable where the store fails, does not answer in time, or is let alone after a failure a moment ago */
  async ask<Value>(what: string, call: () => Promise<Value>, { patienceMillis = exchangePatienceMillis, isEnd = false }: Asking = {}): Promise<Value> {
    if (!isEnd && this.#clock.now() < this.#restsUntil) throw new RateBookUnavailable('the rate book has failed a moment ago')
    const late = Promise.withResolvers<never>()
    let isLate = false
    const onLate = (): void => {
      isLate = true
      late.reject(new Error(`no answer within ${patienceMillis} ms`))
    }
    const cancel = patienceMillis === Infinity ? () => undefined : this.#clock.after(patienceMillis, onLate)
    try {
      const value = await Promise.race([call(), late.promise])
      this.#recovered()
      return value
    } catch (cause) {
      this.#failed(what, cause, isLate)
      throw new RateBookUnavailable(`the rate book could not ${what}`, { cause })
    } finally {
      cancel()
    }
  }

  #failed(what: string, cause: unknown, isLate: boolean): void {
    if (isLate || this.#isOut) this.#restsUntil = this.#clock.now() + restMillis
    if (this.#isOut) return
    this.#isOut = true
    const message = `the rate book could not ${what}; limits that it keeps are not exact until it is back`
    this.#onFault({ code: 'rate-book-failed', message, source: 'rate-limit', cause })
  }

  #recovered(): void {
    this.#restsUntil = -Infinity
    if (!this.#isOut) return
    this.#isOut = false
    this.#onFault({ code: 'rate-book-recovered', message: 'the rate book answers again', source: 'rate-limit' })
  }
}
