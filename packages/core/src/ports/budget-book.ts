/** The spend that a budget counts. All that are given must hold; at least one is. */
export interface BudgetSubject {
  /** This scope and everything below it. */
  readonly scope?: string
  /** Id of a key. */
  readonly key?: string
  /** A tag's value. `repository` and `session` are what the exchange was attributed to; other names are tags of the key, else of the client. */
  readonly tag?: { readonly name: string; readonly value: string }
  /** The model asked for: an exact id, or a prefix that ends in `*`. */
  readonly model?: string
}

/** When a budget begins anew: a pure function of the instant, so there is no job that resets anything. */
export type BudgetWindow =
  | { readonly kind: 'day' | 'week' | 'month' | 'quarter' | 'year'; /** IANA name. Weeks begin on Monday. */ readonly timeZone: string }
  /** The last so many hours, the current one included, counted by whole hours of UTC. */
  | { readonly kind: 'rolling'; readonly hours: number }
  | { readonly kind: 'total' }

/**
 * What a budget does at its hard line. `warn`: tells, and lets through; `block`: refuses new exchanges; `queue`: lets them wait a while for room, then refuses;
 * `downgrade`: marks exchanges from 100 % on, so that the router can choose something cheaper, and refuses at the hard line;
 * `cut`: refuses, and ends a stream whose reservation is overrun and cannot grow.
 */
export type BudgetAction = 'warn' | 'queue' | 'downgrade' | 'block' | 'cut'

/** A raise for a while. */
export interface BudgetRaise {
  readonly id: string
  /** Added to the budget's amount, in its unit. */
  readonly amount: bigint
  /** In force before this instant, milliseconds since the epoch. */
  readonly until: number
  readonly reason: string
}

/** A budget as an administrator sets it. Plain data. */
export interface Budget {
  readonly id: string
  /** Named in refusals and warnings. */
  readonly name: string
  readonly subject: BudgetSubject
  /** What is counted. Tokens are all of them, cache reads included; requests are those that used anything. */
  readonly unit: 'nano-usd' | 'tokens' | 'requests'
  /** What 100 % is, in the unit. */
  readonly amount: bigint
  readonly window: BudgetWindow
  /** Percent of the amount at which people are told, once per window. */
  readonly thresholds: readonly number[]
  /** Percent of the amount that nothing passes. */
  readonly hardPercent: number
  /** Reserves the most that an exchange can cost, and stops at 100 %: no overshoot, for the price of refusing earlier. */
  readonly isStrict: boolean
  readonly action: BudgetAction
  /** `pool`: one pot for everybody that the subject covers; `each`: a pot of this size for each developer. */
  readonly sharing: 'pool' | 'each'
  /** The most that one developer may take of a pool, in percent of the amount. */
  readonly maxSharePercent?: number
  /** What the last window left over is added to this one, up to this percent of the amount. */
  readonly carryOverPercent?: number
  readonly raises: readonly BudgetRaise[]
  /** The operator's words in a refusal: whom to ask, where to apply. */
  readonly notice?: string
  readonly createdAt: number
  /** Counts changes; `define` compares it. */
  readonly version: number
}

/**
 * A pot of one budget, in one bucket of time. Spend is kept per bucket, and a window is a range of them: `firstBucket` to `bucket`, both included.
 * A calendar window has one bucket, its start; a rolling one has one for each hour; a total has bucket 0.
 */
export interface AccountSlot {
  /** Budget id, and after a slash whose pot it is where there are several. */
  readonly account: string
  /** Milliseconds since the epoch at which the bucket starts: what is charged is charged here. */
  readonly bucket: number
  readonly firstBucket: number
}

/** What an exchange asks of one account. Amounts are in the budget's unit, and never negative. */
export interface BudgetClaim extends AccountSlot {
  readonly amount: bigint
  /** Granted only while spent + held + amount stays within it; absent: always. */
  readonly cap?: bigint
}

/** Asks several accounts at once. */
export interface Reservation {
  /** The exchange's id, or that of a lease. */
  readonly holdId: string
  readonly claims: readonly BudgetClaim[]
  /** Absolute, milliseconds since the epoch. A hold that nobody settles by then is booked as it stands: its exchange may have been billed. */
  readonly expiresAt: number
}

/** How an account stands: what is spent within the slot's window, and what is held by exchanges under way (whatever their window). */
export interface Balance {
  readonly spent: bigint
  readonly held: bigint
}

/** What became of a reservation; balances are in the order of its claims, as they stand after it. */
export interface ReservationResult {
  readonly isGranted: boolean
  readonly balances: readonly Balance[]
  /** Indexes of the claims that had no room; empty where it was granted. */
  readonly refused: readonly number[]
}

/** What a hold came to in one account. */
export interface BudgetCharge extends AccountSlot {
  /** In all, since the hold was made: repeating it changes nothing. */
  readonly amount: bigint
}

/** The end of a hold. */
export interface BudgetSettlement {
  readonly holdId: string
  /** Accounts of the hold that are not named are charged nothing. */
  readonly charges: readonly BudgetCharge[]
}

/** What a lease has used so far, and how much of it stays held. */
export interface BudgetDraw {
  readonly holdId: string
  readonly expiresAt: number
  readonly draws: readonly (BudgetCharge & { /** Never more than was held before less what was drawn since. */ readonly held: bigint })[]
}

/** A hold that expired and was booked. */
export interface BookedHold {
  readonly holdId: string
  readonly claims: readonly BudgetClaim[]
}

/**
 * Keeps what is spent and held, and the budgets themselves. Every verb is atomic, also across processes; the guard is inside the write.
 * Knows nothing of windows, prices or subjects: what it is asked is arithmetic. The contract is executable: `budgetBookContract` of `@sluice/core/testing`.
 */
export interface BudgetBook {
  /**
   * Holds all claims or none. Idempotent by `holdId`: a hold that is there is granted as it stands, a settled one too, and nothing is added.
   * Two claims of one reservation never name one account.
   */
  readonly reserve: (reservation: Reservation) => Promise<ReservationResult>
  /**
   * Ends holds: what they held is given back, what they came to is charged, whatever the caps. The first settlement of a hold stands, a second changes nothing;
   * but one that comes after the hold has expired takes the place of what was booked. Without a hold (the store was out when the exchange began) it is charged all the same, once.
   * Resolves with the balance after it of every charge, settlement by settlement.
   */
  readonly settle: (settlements: readonly BudgetSettlement[]) => Promise<readonly (readonly Balance[])[]>
  /** Charges part of a hold and keeps the rest, with a new expiry. Changes nothing for a hold that is settled, expired or unknown: resolves with false then. */
  readonly draw: (draw: BudgetDraw) => Promise<boolean>
  /** Books holds that expired before this instant: what they held is charged to their buckets. Of racing callers each hold is booked by exactly one. At most `limit`, oldest first. */
  readonly bookExpired: (before: number, limit: number) => Promise<readonly BookedHold[]>
  /** Balances of slots, in their order; zero for what was never used. */
  readonly balances: (slots: readonly AccountSlot[]) => Promise<readonly Balance[]>
  /** True for exactly one caller per account, bucket and percent, ever: the one who tells. */
  readonly claimThreshold: (account: string, bucket: number, percent: number) => Promise<boolean>
  /** Forgets holds that ended before this instant; idempotence reaches back no further. */
  readonly prune: (before: number) => Promise<void>

  /** Keeps a budget, new (`version` 1) or changed (one more than what is kept). Resolves with false, and changes nothing, where the version does not follow. */
  readonly define: (budget: Budget) => Promise<boolean>
  /** Removes a budget; what was spent stays. Resolves with false where it is not there. */
  readonly remove: (id: string) => Promise<boolean>
  /** All budgets, in order of their id. */
  readonly budgets: () => Promise<readonly Budget[]>
}
