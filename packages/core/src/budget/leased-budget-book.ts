import type { Clock } from '../host.ts'
import { toStorableText } from '../ledger/storable.ts'
import { compareText } from '../ledger/text-order.ts'
import type { AccountSlot, Balance, BudgetBook, BudgetClaim, BudgetSettlement, Reservation, ReservationResult } from '../ports/budget-book.ts'
import { boundedBook } from './bounded-book.ts'
import { LeasedAccount } from './leased-budget-book-account.ts'
import { checkLeaseOptions, type LeasedBudgetBookOptions, type LeaseFigures } from './leased-budget-book-options.ts'
import { endInLeases, parted, untake, type Hold, type Line } from './leased-budget-book-holds.ts'

/** A budget book that grants from leases. */
export interface LeasedBudgetBook extends BudgetBook {
  /** Tells the book everything and gives all leases back; exchanges under way get holds of their own. Afterwards every call goes to the book. Idempotent; rejects as the book does, and may be called again then. */
  readonly stop: () => Promise<void>
}

/**
 * A {@link BudgetBook} over another that spares it a call for every exchange. Accounts that are asked often are leased: this instance takes a hold of its own, grants from it in memory,
 * and tells the book what came of it in batches, in absolute figures. Accounts that are seldom asked, claims that are large against the cap, and all claims near the cap go to the book.
 *
 * What holds, whatever happens:
 * - Nothing is overshot by leasing: a lease is a hold beneath, granted under the cap, and what exceeds its reservation is charged beneath at once if the lease has no room.
 * - A crash books too much, never too little: what its leases held, when they expire after `leaseMillis`. The newest lease of an account is up to `leasePercent` of the cap;
 *   older ones hold only what exchanges have reserved in them, but for the last third of `returnMillis`.
 *   An exchange granted from a lease is known to this instance only; settled again through another one after a crash, it counts twice.
 * - No claim up to the room that is never leased (`leasePercent` times `nearLeases` of the cap) is refused while true spend and live holds leave room for it: before it refuses,
 *   this instance gives back its own idle leases, and where others may have some, waits once for `returnMillis`.
 * - Balances of a leased account that come with a reservation or settlement are as old as the last call that concerned it, up to `returnMillis`, plus everything that this instance did since;
 *   `balances` asks the book. Others see what this instance charged after `returnMillis` at most, and until then as held.
 *
 * One timer, three times in `returnMillis` while there is a lease or an account was asked of late; none otherwise.
 *
 * @throws ConfigurationError for an option that is not a positive number
 */
export function leasedBudgetBook(options: LeasedBudgetBookOptions): LeasedBudgetBook {
  return new Leases(options)
}

/** A lease counts as idle when it served nobody between two beats: it is back after the second, with a third of the time left for the call. */
const beatsPerReturn = 3

/** How often a claim that found no room in a lease asks for another one, before it asks the book. */
const maxTopUps = 3

class Leases implements LeasedBudgetBook {
  readonly #book: BudgetBook
  readonly #clock: Clock
  readonly #options: LeaseFigures
  readonly #onFailure: (cause: unknown) => void
  readonly #newLeaseId: () => string
  readonly #accounts = new Map<string, LeasedAccount>()
  readonly #holds = new Map<string, Hold>()
  /** Ids of exchanges that ended, and when: the oldest end first. */
  readonly #ended = new Map<string, number>()
  #oldestEnded = this.#ended.keys()
  readonly #waiting = new Set<() => void>()
  #cancelBeat: (() => void) | undefined
  #isBeating = false
  #isStopped = false

  constructor(options: LeasedBudgetBookOptions) {
    this.#options = checkLeaseOptions(options)
    this.#book = boundedBook(options.book, options.clock, this.#options.answerMillis)
    this.#clock = options.clock
    this.#onFailure = options.onFailure ?? (() => undefined)
    let leases = 0
    this.#newLeaseId = () => `lease ${options.owner} ${(leases += 1)}`
  }

  readonly reserve = async (reservation: Reservation): Promise<ReservationResult> => {
    const id = toStorableText(reservation.holdId)
    const { claims, expiresAt } = reservation
    for (let known = this.#holds.get(id); known?.busy !== undefined; known = this.#holds.get(id)) await known.busy.catch(() => undefined)
    if (this.#holds.has(id) || this.#ended.has(id)) return { isGranted: true, balances: await this.balances(claims), refused: [] }
    const hold: Hold = { claims, expiresAt, lines: this.#takeAll(claims), isBeneath: false }
    this.#holds.set(id, hold)
    if (hold.lines.length > 0) return { isGranted: true, balances: await this.#balancesOf(claims, new Map()), refused: [] }
    const answer = this.#ask(reservation, hold).then(
      (result) => {
        delete hold.busy
        if (!result.isGranted) this.#holds.delete(id)
        return result
      },
      (cause: unknown) => {
        this.#holds.delete(id)
        throw cause
      },
    )
    hold.busy = answer
    return answer
  }

  readonly settle = async (settlements: readonly BudgetSettlement[]): Promise<readonly (readonly Balance[])[]> => {
    const busy = (): Promise<unknown> | undefined =>
      settlements.map(({ holdId }) => this.#holds.get(toStorableText(holdId))?.busy).find((one) => one !== undefined)
    for (let wait = busy(); wait !== undefined; wait = busy()) await wait.catch(() => undefined)
    const sent = settlements.flatMap((settlement) => this.#settleInMemory(settlement))
    const heard = new Map<AccountSlot, Balance>()
    if (sent.length > 0) {
      const told = await this.#book.settle(sent)
      for (const [index, { charges }] of sent.entries()) for (const [at, charge] of charges.entries()) heard.set(charge, this.#hear(charge, told[index]?.[at]))
    }
    for (const { holdId } of settlements) this.#end(toStorableText(holdId))
    return Promise.all(settlements.map(({ charges }) => this.#balancesOf(charges, heard)))
  }

  readonly draw: BudgetBook['draw'] = async (draw) => {
    const id = toStorableText(draw.holdId)
    const hold = this.#holds.get(id)
    if (hold !== undefined) await this.#move(id, hold)
    if (hold?.movedTo === undefined || hold.movedTo === id) return this.#book.draw(draw)
    const [moved, others] = parted(hold, draw.draws)
    const drawn = await Promise.all([this.#book.draw({ ...draw, draws: others }), this.#book.draw({ ...draw, holdId: hold.movedTo, draws: moved })])
    return drawn.every(Boolean)
  }

  readonly bookExpired: BudgetBook['bookExpired'] = async (before, limit) => {
    const expired = [...this.#holds].filter(([, { expiresAt }]) => expiresAt < before)
    for (const [id, hold] of expired) await this.#move(id, hold)
    const originals = new Map(expired.map(([id, { movedTo }]) => [movedTo, id]))
    return (await this.#book.bookExpired(before, limit)).map((booked) => {
      const id = originals.get(booked.holdId)
      // A settlement that comes yet goes to the book as it is, unless the hold was in two parts there.
      if (this.#holds.get(booked.holdId)?.movedTo === booked.holdId || this.#holds.get(booked.holdId)?.lines.length === 0) this.#holds.delete(booked.holdId)
      return id === undefined ? booked : { ...booked, holdId: id }
    })
  }

  readonly balances: BudgetBook['balances'] = (slots) => {
    const accounts = new Set(slots.map(({ account }) => this.#accounts.get(toStorableText(account))))
    // Asked while no other call concerns any of the accounts: only then is it known exactly what their leases are beneath.
    let ask = async (): Promise<readonly Balance[]> =>
      (await this.#book.balances(slots)).map((balance, index) => this.#hear(slots[index] as AccountSlot, balance))
    // One order for all: two calls that wait for each other's accounts would never end.
    for (const account of [...accounts].filter((one) => one !== undefined).toSorted((left, right) => compareText(right.name, left.name))) {
      const inner = ask
      ask = () => account.whenQuiet(inner)
    }
    return ask()
  }

  readonly claimThreshold: BudgetBook['claimThreshold'] = (account, bucket, percent) => this.#book.claimThreshold(account, bucket, percent)

  readonly prune: BudgetBook['prune'] = async (before) => {
    for (const [id, endedAt] of this.#ended) if (endedAt < before) this.#ended.delete(id)
    for (const [id, { expiresAt, lines, movedTo }] of this.#holds)
      if (expiresAt < Math.min(before, this.#clock.now()) && (lines.length === 0 || movedTo !== undefined)) this.#holds.delete(id)
    await this.#book.prune(before)
  }

  readonly define: BudgetBook['define'] = (budget) => this.#book.define(budget)
  readonly remove: BudgetBook['remove'] = (id) => this.#book.remove(id)
  readonly budgets: BudgetBook['budgets'] = () => this.#book.budgets()

  readonly stop = async (): Promise<void> => {
    this.#isStopped = true
    this.#cancelBeat?.()
    this.#cancelBeat = undefined
    for (const wake of this.#waiting) wake()
    for (const [id, hold] of this.#holds) await this.#move(id, hold)
    for (const account of this.#accounts.values()) {
      await account.giveBack()
      await account.beat()
    }
    this.#accounts.clear()
  }

  /** Takes all claims from leases; nothing where not all have room. */
  #takeAll(claims: readonly BudgetClaim[]): readonly Line[] {
    if (this.#isStopped) return []
    const lines: Line[] = []
    for (const claim of claims) {
      const account = this.#accountOf(claim)
      account.countClaim(claim.amount)
      const lease = account.take(claim)
      if (lease !== undefined) lines.push({ lease, account, claim })
    }
    this.#arm()
    if (lines.length === claims.length) return lines
    untake(lines)
    return []
  }

  /** Asks for leases where they help, then the book; gives back and waits before it refuses. */
  async #ask(reservation: Reservation, hold: Hold): Promise<ReservationResult> {
    const { claims } = reservation
    if (!this.#isStopped) await Promise.all(claims.map((claim) => this.#topUp(claim)))
    const returns = this.#returnsOf(claims)
    let result = await this.#attempt(reservation, hold)
    if (result.isGranted) return result
    await this.#giveBack(claims, result)
    // Others who were refused at the same time may have given back what this one was missing.
    if (this.#returnsOf(claims) !== returns) result = await this.#attempt(reservation, hold)
    if (result.isGranted || !this.#mayOthersGiveBack(claims, result)) return result
    await this.#wait()
    await this.#giveBack(claims, result)
    return this.#attempt(reservation, hold)
  }

  async #topUp(claim: BudgetClaim): Promise<void> {
    const account = this.#accountOf(claim)
    if (account.heat <= this.#options.hotClaims) return
    for (let topUps = 0; topUps < maxTopUps && account.isWanting(claim); topUps += 1) await account.topUp(claim)
  }

  /** Takes what leases have and asks the book for the rest: all of it or nothing. */
  async #attempt({ holdId, claims, expiresAt }: Reservation, hold: Hold): Promise<ReservationResult> {
    const lines: Line[] = []
    const exact: BudgetClaim[] = []
    for (const claim of claims) {
      const account = this.#isStopped ? undefined : this.#accountOf(claim)
      const lease = account?.take(claim)
      if (account !== undefined && lease !== undefined) lines.push({ lease, account, claim })
      else exact.push(claim)
    }
    if (exact.length === 0 && claims.length > 0) {
      hold.lines = lines
      return { isGranted: true, balances: await this.#balancesOf(claims, new Map()), refused: [] }
    }
    let answer: ReservationResult
    try {
      answer = await this.#book.reserve({ holdId, claims: exact, expiresAt })
    } catch (cause) {
      untake(lines)
      throw cause
    }
    if (answer.isGranted) {
      hold.lines = lines
      hold.isBeneath = true
    } else untake(lines)
    const heard = new Map<AccountSlot, Balance>(exact.map((claim, index) => [claim, this.#hear(claim, answer.balances[index])]))
    const refused = answer.refused.map((index) => claims.indexOf(exact[index] as BudgetClaim))
    return { isGranted: answer.isGranted, balances: await this.#balancesOf(claims, heard), refused }
  }

  /** Gives back idle leases of the accounts that had no room, and leases nothing there for a while. */
  async #giveBack(claims: readonly BudgetClaim[], { refused }: ReservationResult): Promise<void> {
    await Promise.all(
      refused.map(async (index) => {
        const account = this.#accounts.get(toStorableText((claims[index] as BudgetClaim).account))
        account?.setNear(this.#clock.now() + 2 * this.#options.returnMillis)
        await account?.giveBack()
      }),
    )
  }

  #returnsOf(claims: readonly BudgetClaim[]): number {
    return claims.reduce((sum, { account }) => sum + (this.#accounts.get(toStorableText(account))?.returns ?? 0), 0)
  }

  /** True where every refused claim would have room if all that others hold were idle leases. */
  #mayOthersGiveBack(claims: readonly BudgetClaim[], { refused, balances }: ReservationResult): boolean {
    if (this.#isStopped) return false
    return refused.every((index) => {
      const { account, amount, cap } = claims[index] as BudgetClaim
      const { spent, held } = balances[index] as Balance
      const own = this.#heldHere(account)
      return held > own && (cap === undefined || spent + own + amount <= cap)
    })
  }

  /** What exchanges of this instance hold in an account. */
  #heldHere(account: string): bigint {
    let held = 0n
    for (const { claims, busy } of this.#holds.values()) if (busy === undefined) for (const claim of claims) if (claim.account === account) held += claim.amount
    return held
  }

  /** What the book beneath is to be told of a settlement. */
  #settleInMemory(settlement: BudgetSettlement): readonly BudgetSettlement[] {
    const id = toStorableText(settlement.holdId)
    if (this.#ended.has(id)) return []
    const hold = this.#holds.get(id)
    return hold === undefined ? [settlement] : endInLeases(hold, id, settlement)
  }

  #end(id: string): void {
    this.#holds.delete(id)
    if (this.#ended.has(id)) return
    this.#ended.set(id, this.#clock.now())
    if (this.#ended.size <= this.#options.maxEnded) return
    // One iterator for all: a new one would walk over every place that was left empty before.
    let oldest = this.#oldestEnded.next()
    if (oldest.done === true) {
      this.#oldestEnded = this.#ended.keys()
      oldest = this.#oldestEnded.next()
    }
    if (oldest.done !== true) this.#ended.delete(oldest.value)
  }

  /** Gives an exchange a hold of its own beneath for what it has reserved in leases: for a moment it counts twice, never not at all. */
  async #move(id: string, hold: Hold): Promise<void> {
    while (hold.busy !== undefined) await hold.busy.catch(() => undefined)
    if (hold.lines.length === 0 || hold.movedTo !== undefined || this.#holds.get(id) !== hold) return
    const { lines, expiresAt } = hold
    const movedTo = hold.isBeneath ? `${id} leased` : id
    const claims = lines.map(({ claim: { account, bucket, firstBucket, amount } }) => ({ account, bucket, firstBucket, amount }))
    const moving = this.#book.reserve({ holdId: movedTo, claims, expiresAt }).then(() => {
      hold.movedTo = movedTo
      return Promise.all(lines.map(({ account, lease, claim }) => account.release(lease, claim.amount)))
    })
    hold.busy = moving
    try {
      await moving
    } finally {
      delete hold.busy
    }
  }

  /** Balances that were told, are known, or have to be asked for. */
  async #balancesOf(slots: readonly AccountSlot[], heard: ReadonlyMap<AccountSlot, Balance>): Promise<readonly Balance[]> {
    const known = slots.map((slot) => heard.get(slot) ?? this.#accounts.get(toStorableText(slot.account))?.view(slot))
    const missing = slots.filter((_, index) => known[index] === undefined)
    if (missing.length === 0) return known as readonly Balance[]
    const asked = await this.balances(missing)
    return known.map((balance, index) => balance ?? (asked[missing.indexOf(slots[index] as AccountSlot)] as Balance))
  }

  #hear(slot: AccountSlot, balance: Balance = { spent: 0n, held: 0n }): Balance {
    return this.#accounts.get(toStorableText(slot.account))?.hear(slot, balance) ?? balance
  }

  #accountOf({ account }: AccountSlot): LeasedAccount {
    const name = toStorableText(account)
    let known = this.#accounts.get(name)
    if (known === undefined) {
      const { leaseMillis, leasePercent, nearLeases, returnMillis } = this.#options
      const terms = { book: this.#book, now: this.#clock.now, newLeaseId: this.#newLeaseId, leaseMillis, leasePercent, nearLeases, restMillis: returnMillis }
      this.#accounts.set(name, (known = new LeasedAccount(name, terms)))
    }
    return known
  }

  #wait(): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        cancel()
        this.#waiting.delete(wake)
        resolve()
      }
      const cancel = this.#clock.after(this.#options.returnMillis, wake)
      this.#waiting.add(wake)
    })
  }

  #arm(): void {
    if (this.#isStopped || this.#isBeating || this.#cancelBeat !== undefined || this.#accounts.size === 0) return
    this.#cancelBeat = this.#clock.after(this.#options.returnMillis / beatsPerReturn, () => {
      this.#cancelBeat = undefined
      void this.#beat()
    })
  }

  async #beat(): Promise<void> {
    this.#isBeating = true
    for (const [name, account] of this.#accounts) if (account.isIdle) this.#accounts.delete(name)
    await Promise.all([...this.#accounts.values()].map((account) => account.beat().catch(this.#onFailure)))
    this.#isBeating = false
    this.#arm()
  }
}
