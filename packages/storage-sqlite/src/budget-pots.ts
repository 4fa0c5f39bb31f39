import type { AccountSlot, Balance } from '@sluice/core'
import { toStorableText } from '@sluice/core/ledger'
import type { StatementSync } from 'node:sqlite'
import type { SqliteDatabase } from './sqlite-database.ts'

/** A number of an account: what it holds, or what is spent in one of its buckets. */
interface Pot {
  readonly account: string
  /** Undefined for what is held. */
  readonly bucket: number | undefined
  amount: bigint
}

/** How many pots are remembered; the others are looked up. */
const maxRemembered = 20_000

/**
 * What is spent of accounts, by bucket, and what is held. Amounts are decimal text: exact at any size. Pots in use are remembered, since this process alone has the file,
 * and written once a transaction: many exchanges change the same few.
 */
export class BudgetPots {
  readonly #find: Readonly<Record<'held' | 'spent', StatementSync>>
  readonly #keep: Readonly<Record<'held' | 'spent', StatementSync>>
  readonly #spentFrom: StatementSync
  readonly #held = new Map<string, Pot>()
  readonly #spent = new Map<string, Map<number, Pot>>()
  readonly #changed = new Set<Pot>()
  #remembered = 0

  constructor(database: SqliteDatabase) {
    const find = (kind: 'held' | 'spent'): StatementSync => database.prepare(`select amount from pots where account = ? and kind = '${kind}' and bucket = ?`)
    const keep = (kind: 'held' | 'spent'): StatementSync =>
      database.prepare(`insert into pots (account, kind, bucket, amount) values (?, '${kind}', ?, ?) on conflict do update set amount = excluded.amount`)
    this.#find = { held: find('held'), spent: find('spent') }
    this.#keep = { held: keep('held'), spent: keep('spent') }
    this.#spentFrom = database.prepare(`select amount from pots where account = ? and kind = 'spent' and bucket >= ? and bucket <= ?`)
    database.onCommit(() => this.#write())
    database.onRollback(() => this.#forget())
  }

  balance({ account: given, bucket, firstBucket }: AccountSlot): Balance {
    const account = toStorableText(given)
    const held = this.#heldOf(account).amount
    if (bucket === firstBucket) return { spent: this.#spentOf(account, bucket).amount, held }
    if (this.#changed.size > 0) this.#write()
    let spent = 0n
    for (const { amount } of this.#spentFrom.all(account, firstBucket, bucket)) spent += BigInt(amount as string)
    return { spent, held }
  }

  /** Charges more, or less, to a bucket of an account, and holds more, or less, of it. Within a transaction only. */
  change({ account: given, bucket }: AccountSlot, spent: bigint, held: bigint): void {
    const account = toStorableText(given)
    if (spent !== 0n) this.#add(this.#spentOf(account, bucket), spent)
    if (held !== 0n) this.#add(this.#heldOf(account), held)
  }

  #add(pot: Pot, amount: bigint): void {
    pot.amount += amount
    this.#changed.add(pot)
  }

  #heldOf(account: string): Pot {
    const known = this.#held.get(account)
    if (known !== undefined) return known
    const pot = this.#found('held', account, undefined)
    this.#held.set(account, pot)
    return pot
  }

  #spentOf(account: string, bucket: number): Pot {
    const known = this.#spent.get(account)?.get(bucket)
    if (known !== undefined) return known
    const pot = this.#found('spent', account, bucket)
    const buckets = this.#spent.get(account) ?? new Map<number, Pot>()
    this.#spent.set(account, buckets.set(bucket, pot))
    return pot
  }

  #found(kind: 'held' | 'spent', account: string, bucket: number | undefined): Pot {
    // What a transaction has changed and not written yet must not be forgotten.
    if (this.#remembered >= maxRemembered && this.#changed.size === 0) this.#forget()
    this.#remembered += 1
    const amount = this.#find[kind].get(account, bucket ?? 0)?.['amount']
    return { account, bucket, amount: typeof amount === 'string' ? BigInt(amount) : 0n }
  }

  #write(): void {
    for (const { account, bucket, amount } of this.#changed) this.#keep[bucket === undefined ? 'held' : 'spent'].run(account, bucket ?? 0, amount.toString())
    this.#changed.clear()
  }

  #forget(): void {
    this.#held.clear()
    this.#spent.clear()
    this.#changed.clear()
    this.#remembered = 0
  }
}
