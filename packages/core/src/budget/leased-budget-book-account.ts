import type { AccountSlot, Balance, BudgetBook, BudgetClaim } from '../ports/budget-book.ts'
import { percentOf } from './accounts.ts'

/** What leases of an account are made with. */
export interface LeaseTerms {
  readonly book: BudgetBook
  readonly now: () => number
  /** A new id for a lease's hold. */
  readonly newLeaseId: () => string
  readonly leaseMillis: number
  readonly leasePercent: number
  readonly nearLeases: number
  /** How long nothing is leased after the cap turned out to be near. */
  readonly restMillis: number
}

/** A hold of the book beneath, from which reservations are granted in memory. What is reserved and charged never exceeds its size. */
export interface Lease {
  readonly holdId: string
  readonly slot: AccountSlot
  readonly cap: bigint | undefined
  size: bigint
  reserved: bigint
  charged: bigint
  /** What the book beneath has of it, as far as is known. */
  confirmedDrawn: bigint
  confirmedHeld: bigint
  expiresAt: number
  /** The book beneath has booked it: it grants nothing any more, and its end takes the place of what was booked. */
  isLost: boolean
  /** Its end has been told, or is being told: it grants nothing any more. */
  isEnding: boolean
}

/** Leases are only worth a round trip where they serve several. */
const leastClaims = 2n
/** What a first lease is made for; later ones follow the demand. */
const firstClaims = 8n

/** The leases that one instance has on one account, whatever the window, and what it knows of the account. Calls of the book beneath are made one at a time. */
export class LeasedAccount {
  readonly name: string
  readonly #terms: LeaseTerms
  readonly #leases: Lease[] = []
  /** Leases that may be there beneath though making them failed: given back until that succeeds. */
  readonly #orphans = new Set<string>()
  #queue: Promise<unknown> = Promise.resolve()
  #returns = 0
  #topUp: Promise<void> | undefined
  /** The account beneath without these leases, when last heard of. */
  #seen: { readonly slot: AccountSlot; spent: bigint; held: bigint } | undefined
  #cap: bigint | undefined
  /** Until when nothing is leased, as the cap is near. */
  #nearUntil = 0
  /** Amounts and claims asked since the last beat, and in the beat before it. */
  #asked = { amount: 0n, claims: 0 }
  #askedBefore = { amount: 0n, claims: 0 }

  constructor(name: string, terms: LeaseTerms) {
    this.name = name
    this.#terms = terms
  }

  /** True where there is nothing to look after. */
  get isIdle(): boolean {
    return this.#leases.length === 0 && this.#orphans.size === 0 && this.#topUp === undefined && this.heat === 0
  }

  /** Claims asked of late: how hot it is. */
  get heat(): number {
    return this.#asked.claims + this.#askedBefore.claims
  }

  countClaim(amount: bigint): void {
    this.#asked.amount += amount
    this.#asked.claims += 1
  }

  /** Reserves in a lease that has room; undefined where none has. */
  take(claim: BudgetClaim): Lease | undefined {
    const lease = this.#leases.find((one) => hasRoom(one, claim))
    if (lease === undefined) return undefined
    const seen = this.view(claim)
    // Others may have come to more than they had reserved, above the cap: leases end then, too.
    if (claim.cap !== undefined && seen !== undefined && seen.spent + seen.held + claim.amount > claim.cap) return undefined
    lease.reserved += claim.amount
    return lease
  }

  /** Leases anew, so that the claim may find room; callers that ask meanwhile share it. Does nothing near the cap, and for claims that are large against it. */
  topUp(claim: BudgetClaim): Promise<void> {
    this.#topUp ??= this.#inTurn(() => this.#lease(claim)).finally(() => (this.#topUp = undefined))
    return this.#topUp
  }

  /** True where a lease for this claim is missing, and worth asking for. */
  isWanting(claim: BudgetClaim): boolean {
    const { amount, cap } = claim
    if (amount === 0n || this.#terms.now() < this.#nearUntil || this.#leases.some((lease) => hasRoom(lease, claim))) return false
    return cap === undefined || amount * leastClaims <= percentOf(cap, this.#terms.leasePercent)
  }

  /** No leases for a while: the book beneath is asked exactly. */
  setNear(until: number): void {
    this.#nearUntil = Math.max(this.#nearUntil, until)
  }

  /** How often something was given back. */
  get returns(): number {
    return this.#returns
  }

  /** Gives back what no exchange has reserved. */
  giveBack(): Promise<void> {
    return this.#inTurn(async () => {
      // A copy: a lease that ends is taken out.
      for (const lease of this.#leases.slice()) {
        lease.size = lease.charged + lease.reserved
        if (lease.confirmedDrawn + lease.confirmedHeld > lease.size) await this.#flush(lease)
      }
    })
  }

  /** Takes out of a lease what an exchange has reserved in it, since a hold of its own has it now. */
  release(lease: Lease, amount: bigint): Promise<void> {
    lease.reserved -= amount
    lease.size -= amount
    return this.#inTurn(() => this.#flush(lease))
  }

  /** Takes stock: looks at the cap, gives back what was not asked for since the last time, tells the book what was charged, and renews. */
  beat(): Promise<void> {
    const isUnused = this.#asked.claims === 0
    this.#askedBefore = this.#asked
    this.#asked = { amount: 0n, claims: 0 }
    if (this.#leases.length === 0 && this.#orphans.size === 0) return Promise.resolve()
    return this.#inTurn(async () => {
      await this.#giveBackOrphans()
      const newest = this.#leases.at(-1)
      if (newest === undefined) return
      const [balance] = await this.#terms.book.balances([newest.slot])
      if (balance !== undefined) this.#see(newest.slot, balance)
      const isNear = this.#cap !== undefined && balance !== undefined && this.#cap - balance.spent - balance.held < this.#nearOf(this.#cap)
      if (isNear) this.setNear(this.#terms.now() + this.#terms.restMillis)
      // A copy: a lease that ends is taken out.
      for (const lease of this.#leases.slice()) {
        const isSpare = isNear || isUnused || lease.isLost || lease.slot.bucket !== newest.slot.bucket || lease !== newest
        if (isSpare) lease.size = lease.charged + lease.reserved
        const isDue = lease.expiresAt - this.#terms.now() < this.#terms.leaseMillis / 2
        if (isDue || lease.charged !== lease.confirmedDrawn || lease.size !== lease.confirmedDrawn + lease.confirmedHeld) await this.#flush(lease)
      }
    })
  }

  /** Runs once all calls that are under way have ended. */
  whenQuiet<Result>(run: () => Promise<Result>): Promise<Result> {
    return this.#inTurn(run)
  }

  /** A balance beneath as it is without idle leases: only what exchanges have reserved is held, and all that they came to is spent. */
  adjust({ firstBucket, bucket }: AccountSlot, { spent, held }: Balance): Balance {
    let [trueSpent, trueHeld] = [spent, held]
    for (const lease of this.#leases) {
      trueHeld += lease.reserved - lease.confirmedHeld
      if (lease.slot.bucket >= firstBucket && lease.slot.bucket <= bucket) trueSpent += lease.charged - lease.confirmedDrawn
    }
    return { spent: trueSpent, held: trueHeld }
  }

  /** What is known of a slot without asking; undefined where the account was last heard of in another window. */
  view(slot: AccountSlot): Balance | undefined {
    const seen = this.#seen
    if (seen === undefined || seen.slot.bucket !== slot.bucket || seen.slot.firstBucket !== slot.firstBucket) return undefined
    let { spent, held } = seen
    for (const lease of this.#leases) {
      held += lease.reserved
      if (lease.slot.bucket >= slot.firstBucket && lease.slot.bucket <= slot.bucket) spent += lease.charged
    }
    return { spent, held }
  }

  /** Notes what the book beneath has told of a slot, and returns it as {@link adjust} does. */
  hear(slot: AccountSlot, balance: Balance): Balance {
    this.#see(slot, balance)
    return this.adjust(slot, balance)
  }

  #see(slot: AccountSlot, balance: Balance): void {
    let { spent, held } = balance
    for (const lease of this.#leases) {
      held -= lease.confirmedHeld
      if (lease.slot.bucket >= slot.firstBucket && lease.slot.bucket <= slot.bucket) spent -= lease.confirmedDrawn
    }
    this.#seen = { slot, spent, held }
  }

  #inTurn<Result>(run: () => Promise<Result>): Promise<Result> {
    const turn = this.#queue.then(run)
    this.#queue = turn.catch(() => undefined)
    return turn
  }

  /** The room below the cap that is never leased. */
  #nearOf(cap: bigint): bigint {
    return percentOf(cap, this.#terms.leasePercent) * BigInt(this.#terms.nearLeases)
  }

  async #lease(claim: BudgetClaim): Promise<void> {
    const { book, now, newLeaseId, leaseMillis, leasePercent, restMillis } = this.#terms
    const { account, bucket, firstBucket, cap } = claim
    const demand = 2n * (this.#asked.amount > this.#askedBefore.amount ? this.#asked.amount : this.#askedBefore.amount)
    const least = claim.amount * firstClaims
    const wanted = demand > least ? demand : least
    const most = cap === undefined ? wanted : percentOf(cap, leasePercent)
    const size = wanted < most ? wanted : most
    const lease: Lease = {
      holdId: newLeaseId(),
      slot: { account, bucket, firstBucket },
      cap,
      size,
      reserved: 0n,
      charged: 0n,
      confirmedDrawn: 0n,
      confirmedHeld: size,
      expiresAt: now() + leaseMillis,
      isLost: false,
      isEnding: false,
    }
    this.#cap = cap
    const leaseClaim = { account, bucket, firstBucket, amount: size, ...(cap !== undefined && { cap: cap - this.#nearOf(cap) }) }
    try {
      const { isGranted, balances } = await book.reserve({ holdId: lease.holdId, claims: [leaseClaim], expiresAt: lease.expiresAt })
      if (isGranted) this.#leases.push(lease)
      else this.setNear(now() + restMillis)
      if (balances[0] !== undefined) this.#see(lease.slot, balances[0])
    } catch (cause) {
      this.#orphans.add(lease.holdId)
      throw cause
    }
  }

  /** Tells the book beneath how a lease stands; ends it where nothing is left of it. Absolute figures: what failed is told again. */
  async #flush(lease: Lease): Promise<void> {
    const { book, now, leaseMillis } = this.#terms
    const { holdId, slot, charged, size } = lease
    const isReturn = lease.confirmedDrawn + lease.confirmedHeld > size
    if (lease.isEnding || (lease.reserved === 0n && size === charged)) {
      lease.isEnding = true
      await book.settle([{ holdId, charges: [{ ...slot, amount: charged }] }])
      this.#leases.splice(this.#leases.indexOf(lease), 1)
      if (isReturn) this.#returns += 1
      const seen = this.#seen
      if (seen !== undefined && slot.bucket >= seen.slot.firstBucket && slot.bucket <= seen.slot.bucket) seen.spent += charged
      return
    }
    if (lease.isLost) return
    const expiresAt = now() + leaseMillis
    const isThere = await book.draw({ holdId, expiresAt, draws: [{ ...slot, amount: charged, held: size - charged }] })
    if (isThere) {
      if (isReturn) this.#returns += 1
      lease.expiresAt = expiresAt
      lease.confirmedDrawn = charged
      lease.confirmedHeld = size - charged
      return
    }
    lease.isLost = true
    lease.confirmedDrawn += lease.confirmedHeld
    lease.confirmedHeld = 0n
    lease.size = lease.charged + lease.reserved
  }

  async #giveBackOrphans(): Promise<void> {
    for (const holdId of this.#orphans) {
      await this.#terms.book.settle([{ holdId, charges: [] }])
      this.#orphans.delete(holdId)
    }
  }
}

/** Nothing is not granted from a lease: whether an account grants that depends on whether it is above its cap. */
function hasRoom(lease: Lease, { amount, bucket, cap }: BudgetClaim): boolean {
  if (lease.isLost || lease.isEnding || amount === 0n || lease.slot.bucket !== bucket || lease.size - lease.charged - lease.reserved < amount) return false
  // A cap that was lowered meanwhile is not the one that the lease was granted under.
  return cap === undefined || (lease.cap !== undefined && cap >= lease.cap)
}
