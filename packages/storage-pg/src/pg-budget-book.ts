import { parseBudgetJson, toBudgetJson, type AccountSlot, type Balance, type BudgetBook, type BudgetClaim, type BudgetSettlement } from '@sluice/core'
import { toStorableText } from '@sluice/core/ledger'
import { BatchQueue } from './batch-queue.ts'
import { Database, type PgOptions } from './database.ts'
import { defineRecord } from './define-record.ts'
import type { PgPool } from './pool.ts'
import { rowLimit } from './row-limit.ts'

const repeatable = { isIdempotent: true } as const
const once = { isIdempotent: false } as const

/**
 * A {@link BudgetBook} on PostgreSQL. Every verb is one statement, and takes its locks in one order: callers wait for each other, but never in a circle.
 *
 * @throws ConfigurationError for a schema that is no plain identifier
 */
export function pgBudgetBook(pool: PgPool, options: PgOptions = {}): BudgetBook {
  return budgetBookOn(new Database(pool, options))
}

/** {@link pgBudgetBook} on a database that is shared with other ports. */
export function budgetBookOn(database: Database): BudgetBook {
  let calls = 0
  const settling = new BatchQueue<SettleCall>((together) => settle(database, together), maxCallsTogether)
  return {
    reserve: async ({ holdId, claims, expiresAt }) => {
      const { accounts, buckets, firsts } = columnsOf(claims)
      const [balances, refused] = (await database.call(
        'select {s}.reserve_hold($1, $2::bigint, $3::text[], $4::bigint[], $5::bigint[], $6::numeric[], $7::numeric[]) as result',
        [holdId, expiresAt, accounts, buckets, firsts, claims.map(({ amount }) => amount), claims.map(({ cap }) => cap ?? null)],
        repeatable,
      )) as [readonly Figures[], readonly number[]]
      return { isGranted: refused.length === 0, balances: balances.map(balanceOf), refused }
    },
    settle: async (settlements) => {
      if (settlements.length === 0) return []
      const call: SettleCall = { settlements, balances: [] }
      await settling.add(String((calls += 1)), call)
      return call.balances
    },
    draw: async ({ holdId, expiresAt, draws }) => {
      const { accounts, buckets, firsts } = columnsOf(draws)
      return (await database.call(
        'select {s}.draw_hold($1, $2::bigint, $3::text[], $4::bigint[], $5::bigint[], $6::numeric[], $7::numeric[]) as result',
        [holdId, expiresAt, accounts, buckets, firsts, draws.map(({ amount }) => amount), draws.map(({ held }) => held)],
        repeatable,
      )) as boolean
    },
    bookExpired: async (before, limit) => {
      const booked = (await database.call(
        'select {s}.book_expired($1::bigint, $2::bigint) as result',
        [Math.ceil(before), rowLimit(limit)],
        once,
      )) as readonly [holdId: string, lines: readonly [account: string, bucket: number, first: number, amount: string][]][]
      return booked.map(([holdId, lines]) => ({
        holdId,
        claims: lines.map(([account, bucket, firstBucket, amount]): BudgetClaim => ({ account, bucket, firstBucket, amount: BigInt(amount) })),
      }))
    },
    balances: async (slots) => {
      const { accounts, buckets, firsts } = columnsOf(slots)
      const told = await database.call('select {s}.slot_balances($1::text[], $2::bigint[], $3::bigint[]) as result', [accounts, buckets, firsts], repeatable)
      return (told as readonly Figures[]).map(balanceOf)
    },
    claimThreshold: async (account, bucket, percent) => {
      const { rows } = await database.query(
        'insert into {s}.budget_thresholds (account, bucket, percent) values ($1, $2::bigint, $3::numeric) on conflict do nothing returning account',
        [account, bucket, percent],
        once,
      )
      return rows.length > 0
    },
    prune: async (before) => {
      // In lots: a single delete of a day's holds would keep its locks, and its snapshot, for as long as it takes.
      for (;;) {
        const { rows } = await database.query(
          `with gone as (
             delete from {s}.budget_holds where hold_id in (
               select hold_id from {s}.budget_holds where (state = 0) = false and at < $1::bigint order by at, hold_id limit 5000 for update skip locked
             ) returning hold_id
           ) select count(*)::text as count from gone`,
          [Math.ceil(before)],
          repeatable,
        )
        if (Number(rows[0]?.['count'] ?? 0) < 5_000) return
      }
    },
    define: (budget) => defineRecord(database, { table: 'budgets', column: 'budget' }, budget.id, budget.version, toBudgetJson(budget)),
    remove: async (id) => {
      const { rows } = await database.query('delete from {s}.budgets where id = $1 returning id', [id], once)
      return rows.length > 0
    },
    budgets: async () => {
      const { rows } = await database.query('select budget from {s}.budgets order by id', [], repeatable)
      return rows.map((row) => parseBudgetJson(String(row['budget'])))
    },
  }
}

/** A call of `settle`, and its answer once it has one. */
interface SettleCall {
  readonly settlements: readonly BudgetSettlement[]
  balances: readonly (readonly Balance[])[]
}

/** Bounds one statement: accounts that all of them charge are locked for as long as it takes. */
const maxCallsTogether = 16

/** Settles the holds of several calls in one statement: what they charge to one account is one change of it. */
async function settle(database: Database, together: readonly SettleCall[]): Promise<void> {
  const settlements = together.flatMap((call) => call.settlements)
  const charges = settlements.flatMap((settlement) => settlement.charges)
  const slots = new Map<string, { readonly place: number; readonly slot: AccountSlot }>()
  const places = charges.map((charge) => {
    const key = `${charge.bucket} ${charge.firstBucket} ${toStorableText(charge.account)}`
    const known = slots.get(key) ?? { place: slots.size + 1, slot: charge }
    slots.set(key, known)
    return known.place
  })
  const { accounts, buckets, firsts } = columnsOf([...slots.values()].map(({ slot }) => slot))
  const holds = firstSettlements(settlements)
  const counted = charges.flatMap((charge, index) => {
    const hold = holds.placeOfCharge[index]
    return hold === undefined ? [] : [{ hold, slot: places[index] as number, amount: charge.amount }]
  })
  const told = (await database.call(
    'select {s}.end_holds($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::integer[], $6::integer[], $7::numeric[]) as result',
    [holds.ids, accounts, buckets, firsts, counted.map(({ hold }) => hold), counted.map(({ slot }) => slot), counted.map(({ amount }) => amount)],
    repeatable,
  )) as readonly Figures[]
  let next = 0
  for (const call of together)
    call.balances = call.settlements.map(({ charges: own }) => own.map(() => balanceOf(told[(places[next++] as number) - 1] as Figures)))
}

/** Each hold once, and the place among them, from 1 on, that each charge counts for: none where its hold is settled twice in a batch, since the first stands. */
function firstSettlements(settlements: readonly BudgetSettlement[]): {
  readonly ids: readonly string[]
  readonly placeOfCharge: readonly (number | undefined)[]
} {
  const ids = new Set<string>()
  const placeOfCharge: (number | undefined)[] = []
  for (const { holdId, charges } of settlements) {
    const isFirst = ids.size < ids.add(toStorableText(holdId)).size
    for (let charge = 0; charge < charges.length; charge += 1) placeOfCharge.push(isFirst ? ids.size : undefined)
  }
  return { ids: [...ids], placeOfCharge }
}

type Figures = readonly [spent: string, held: string]

function balanceOf([spent, held]: Figures): Balance {
  return { spent: BigInt(spent), held: BigInt(held) }
}

function columnsOf(slots: readonly AccountSlot[]): {
  readonly accounts: readonly string[]
  readonly buckets: readonly number[]
  readonly firsts: readonly number[]
} {
  return {
    accounts: slots.map(({ account }) => account),
    buckets: slots.map(({ bucket }) => bucket),
    firsts: slots.map(({ firstBucket }) => firstBucket),
  }
}
