import type { Attribution } from '../entry/attribution.ts'
import type { Settlement } from '../entry/settlement.ts'
import { GatewayError } from '../errors.ts'
import type { Host } from '../host.ts'
import type { Principal } from '../ports/key-ring.ts'
import type { Ledger, LedgerEntry, ProvisionalEntries } from '../ports/ledger.ts'
import { RetryQueue } from '../retry-queue.ts'

/** Context that the record takes along where middleware added it. */
export interface RecordedContext {
  readonly attribution?: Attribution
  readonly principal?: Principal
}

/** How a ledger's outage is borne. */
export interface RecordOptions {
  /** Entries that wait in memory while the ledger is out; they are delivered when it is back, each once. Beyond it, new messages are refused rather than unrecorded. @defaultValue 10000 */
  readonly journalEntries?: number
  /** How long an exchange waits for the ledger to keep what a crash must not lose; then it goes on without. @defaultValue 2000 */
  readonly openMillis?: number
}

export const defaultRecordOptions: Required<RecordOptions> = Object.freeze({ journalEntries: 10_000, openMillis: 2_000 })

/** Keeps settled exchanges somewhere. Once an exchange is admitted nothing here rejects: the client has been served, and a store's trouble is the operator's. */
export interface Recorder {
  /** @throws GatewayError `ledger-unavailable` where an exchange that begins now could not be recorded in the end */
  readonly admit: () => void
  /** Keeps durably what an exchange is to count as if it is never settled. Never rejects. Undefined where the ledger cannot. */
  readonly open: ((entry: LedgerEntry) => Promise<void>) | undefined
  /** Resolves once the entry is kept; in an outage at once: it waits its turn. */
  readonly record: (entry: LedgerEntry) => Promise<void>
  /** Tries at once to deliver what waits. Resolves with how many entries still do. */
  readonly flush: () => Promise<number>
}

/** Owners of open entries say so often that they live, and count as dead when they have not for so long. */
const aliveEveryMillis = 10_000
const aliveForMillis = 45_000

const unattributed: Attribution = { kind: { value: 'other', source: 'request-shape' }, tags: {} }

/** An entry of a settlement. What a key may do is no part of what an exchange was. */
export function entryOf(settlement: Settlement, { attribution = unattributed, principal }: RecordedContext): LedgerEntry {
  if (principal === undefined) return { ...settlement, attribution }
  const { restrictions: _restrictions, ...recorded } = principal
  return { ...settlement, attribution, principal: recorded }
}

/** A recorder into a ledger: a bounded journal in memory stands before it, so that an outage loses nothing that fits. */
export function recordInto(ledger: Ledger, host: Host, options: RecordOptions = {}): Recorder {
  const { journalEntries, openMillis } = { ...defaultRecordOptions, ...options }
  const { clock, onFault } = host
  const journal = new RetryQueue<LedgerEntry>({
    deliver: async (entries) => {
      await Promise.all(entries.map((entry) => ledger.append(entry)))
    },
    clock,
    maxItems: journalEntries,
    // They were let in when there was room, and those under way are few.
    isEssential: ({ usage }) => usage.source !== 'none',
    maxBatch: 64,
    firstDelayMillis: 100,
    maxDelayMillis: 2_000,
    onOutage: (cause) =>
      onFault({
        code: 'ledger-append-failed',
        message: `the ledger is out; up to ${journalEntries} exchanges wait in memory until it is back`,
        source: 'ledger',
        cause,
      }),
    onRecovery: (delivered) =>
      onFault({ code: 'ledger-recovered', message: `the ledger is back, and has the ${delivered} exchanges that waited`, source: 'ledger' }),
    onLost: ({ exchangeId }, lost, reason) => {
      const why = reason === 'full' ? 'the journal is full' : 'the ledger refuses this entry and takes others'
      onFault({ code: 'ledger-append-failed', message: `${why}: ${lost} exchanges are not in the ledger as they ended`, exchangeId, source: 'ledger' })
    },
  })
  const flush = (): Promise<number> => journal.flush()
  const admit = (): void => {
    if (journal.size >= journalEntries) throw unrecordable()
  }
  const { provisional } = ledger
  if (provisional === undefined) return { admit, open: undefined, record: (entry) => journal.push(entry), flush }
  const openEntries = new OpenEntries(provisional, host, openMillis)
  return {
    admit,
    open: async (entry) => {
      // In an outage the journal is what there is; waiting for each attempt to fail would stop all work.
      if (!journal.isFailing) await openEntries.open(entry)
    },
    record: (entry) => {
      openEntries.close(entry.exchangeId)
      return journal.push(entry)
    },
    flush,
  }
}

/** Between two tries to deliver what waits while the gateway shuts down. */
const flushAgainMillis = 500

/** Delivers what waits for a ledger that is out, for as long as there is time; what is left then is told. */
export async function flushUntil(endsAt: number, { flush }: Recorder, { clock, onFault }: Host): Promise<void> {
  for (;;) {
    const waiting = await flush()
    if (waiting === 0) return
    if (clock.now() >= endsAt) {
      const message = `the ledger was out to the end: ${waiting} exchanges are not in it as they ended`
      return onFault({ code: 'ledger-append-failed', message, source: 'ledger' })
    }
    await new Promise<void>((resolve) => void clock.after(flushAgainMillis, resolve))
  }
}

function unrecordable(): GatewayError {
  return new GatewayError('ledger-unavailable', 'The gateway cannot record what it would spend, so it spends nothing. Try again in a moment.', {
    retryAfterSeconds: 5,
    shouldRetry: true,
  })
}

/** Opens entries in the name of one owner, and says that it lives while any is open. */
class OpenEntries {
  readonly #provisional: ProvisionalEntries
  readonly #host: Host
  readonly #openMillis: number
  readonly #owner: string
  readonly #underWay = new Set<string>()
  #isKeptAlive = false
  #cancelBeat: (() => void) | undefined
  #isOut = false

  constructor(provisional: ProvisionalEntries, host: Host, openMillis: number) {
    this.#provisional = provisional
    this.#host = host
    this.#openMillis = openMillis
    this.#owner = host.newId()
  }

  /** Never rejects: an exchange that could not be opened is served all the same, and told once per outage. */
  async open(entry: LedgerEntry): Promise<void> {
    this.#underWay.add(entry.exchangeId)
    await this.#attempt(async () => {
      if (!this.#isKeptAlive) await this.#keepAlive()
      await this.#provisional.open(entry, this.#owner)
    })
  }

  close(exchangeId: string): void {
    this.#underWay.delete(exchangeId)
  }

  async #keepAlive(): Promise<void> {
    const { clock } = this.#host
    this.#isKeptAlive = true
    this.#cancelBeat?.()
    this.#cancelBeat = clock.after(aliveEveryMillis, () => {
      if (this.#underWay.size === 0) this.#isKeptAlive = false
      else void this.#attempt(() => this.#keepAlive())
    })
    try {
      await this.#provisional.keepAlive(this.#owner, clock.now() + aliveForMillis)
    } catch (cause) {
      // To be said again with the next entry: what an owner opens who was never heard of counts as abandoned.
      this.#isKeptAlive = false
      throw cause
    }
  }

  async #attempt(work: () => Promise<void>): Promise<void> {
    const { clock, onFault } = this.#host
    const late = Promise.withResolvers<never>()
    const cancel = clock.after(this.#openMillis, () => late.reject(new Error(`no answer within ${this.#openMillis} ms`)))
    try {
      await Promise.race([late.promise, work()])
      this.#isOut = false
    } catch (cause) {
      if (!this.#isOut)
        onFault({
          code: 'ledger-append-failed',
          message: 'the ledger does not keep exchanges as they begin; a crash now would lose those under way',
          source: 'ledger',
          cause,
        })
      this.#isOut = true
    } finally {
      cancel()
    }
  }
}
