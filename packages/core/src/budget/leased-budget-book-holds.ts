import { toStorableText } from '../ledger/storable.ts'
import type { AccountSlot, BudgetClaim, BudgetSettlement } from '../ports/budget-book.ts'
import type { Lease, LeasedAccount } from './leased-budget-book-account.ts'

/** What an exchange has reserved in one lease. */
export interface Line {
  readonly lease: Lease
  readonly account: LeasedAccount
  readonly claim: BudgetClaim
}

/** What an exchange holds. */
export interface Hold {
  readonly claims: readonly BudgetClaim[]
  readonly expiresAt: number
  /** Settles when the reservation has been answered, or its lines have been moved: nothing else happens to the hold before. */
  busy?: Promise<unknown>
  lines: readonly Line[]
  /** True where the book beneath has a hold of this id. */
  isBeneath: boolean
  /** Id of the hold beneath that the lines have been moved to. */
  movedTo?: string
  /** Its end has begun: what the book beneath is still to be told. */
  rest?: readonly BudgetSettlement[]
}

/** Takes nothing after all. */
export function untake(lines: readonly Line[]): void {
  for (const { lease, claim } of lines) lease.reserved -= claim.amount
}

/** Those of accounts that a hold has reserved in leases, and the others. */
export function parted<Slot extends AccountSlot>(hold: Hold, slots: readonly Slot[]): readonly [readonly Slot[], readonly Slot[]] {
  const isLeased = ({ account }: Slot): boolean => hold.lines.some(({ claim }) => isSame(claim.account, account))
  return [slots.filter(isLeased), slots.filter((slot) => !isLeased(slot))]
}

function isSame(left: string, right: string): boolean {
  return left === right || toStorableText(left) === toStorableText(right)
}

/**
 * Ends a hold as far as it is in leases, once, and returns what the book beneath is to be told, the same again where it is asked again.
 * What a lease has no room for is charged beneath: no lease ever comes to more than its size.
 */
export function endInLeases(hold: Hold, id: string, settlement: BudgetSettlement): readonly BudgetSettlement[] {
  const { holdId, charges } = settlement
  if (hold.rest !== undefined) return hold.rest
  if (hold.lines.length === 0 || hold.movedTo === id) return [settlement]
  if (hold.movedTo !== undefined) {
    const [moved, others] = parted(hold, charges)
    hold.rest = [
      { holdId, charges: others },
      { holdId: hold.movedTo, charges: moved },
    ]
    return hold.rest
  }
  const lineOf = ({ account, bucket }: AccountSlot): Line | undefined =>
    hold.lines.find(({ claim }) => claim.bucket === bucket && isSame(claim.account, account))
  const rest = charges.filter((charge) => lineOf(charge) === undefined)
  for (const line of hold.lines) {
    const { lease, claim } = line
    const charge = charges.find((one) => lineOf(one) === line)
    const amount = charge?.amount ?? 0n
    lease.reserved -= claim.amount
    const room = lease.size - lease.charged - lease.reserved
    const inLease = amount < room ? amount : room
    lease.charged += inLease
    if (charge !== undefined && amount > inLease) rest.push({ ...charge, amount: amount - inLease })
  }
  hold.lines = []
  hold.rest = hold.isBeneath || rest.length > 0 ? [{ holdId, charges: rest }] : []
  return hold.rest
}
