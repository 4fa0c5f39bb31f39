import type { AccountSlot, Balance } from '@sluice/core'
import { toStorableText } from '@sluice/core/ledger'
import type { StatementSync } from 'node:sqlite'
import type { SqliteDatabase } from './sqlite-database.ts'

/** What is spent of accounts, by bucket, and what is held. Amounts are decimal text: exact at any size. */
export class BudgetPots {
  readonly #spentIn: StatementSync
  readonly #spentFrom: StatementSync
  readonly #spend: StatementSync
  readonly #heldOf: StatementSync
  readonly #hold: StatementSync

  constructor(database: SqliteDatabase) {
    this.#spentIn = database.prepare(`select amount from pots where account = ? and kind = 'spent' and bucket = ?`)
    this.#spentFrom = database.prepare(`select amount from pots where account = ? and kind = 'spent' and bucket >= ? and bucket <= ?`)
    this.#spend = database.prepare(
      `insert into pots (account, kind, bucket, amount) values (?, 'spent', ?, ?) on conflict do update set amount = excluded.amount`,
    )
    this.#heldOf = database.prepare(`select amount from pots where account = ? and kind = 'held'`)
    this.#hold = database.prepare(
      `insert into pots (account, kind, bucket, amount) values (?, 'held', 0, ?) on conflict do update set amount = excluded.amount`,
    )
  }

  balance({ account: given, bucket, firstBucket }: AccountSlot): Balance {
    const account = toStorableText(given)
    if (bucket === firstBucket) return { spent: this.#spentOf(account, bucket), held: this.#held(account) }
    let spent = 0n
    for (const { amount } of this.#spentFrom.all(account, firstBucket, bucket)) spent += BigInt(amount as string)
    return { spent, held: this.#held(account) }
  }

  /** Charges more, or less, to a bucket of an account, and holds more, or less, of it. Within a transaction only. */
  change({ account: given, bucket }: AccountSlot, spent: bigint, held: bigint): void {
    const account = toStorableText(given)
    if (spent !== 0n) this.#spend.run(account, bucket, (this.#spentOf(account, bucket) + spent).toString())
    if (held !== 0n) this.#hold.run(account, (this.#held(account) + held).toString())
  }

  #spentOf(account: string, bucket: number): bigint {
    return toAmount(this.#spentIn.get(account, bucket)?.['amount'])
  }

  #held(account: string): bigint {
    return toAmount(this.#heldOf.get(account)?.['amount'])
  }
}

function toAmount(amount: unknown): bigint {
  return typeof amount === 'string' ? BigInt(amount) : 0n
}
