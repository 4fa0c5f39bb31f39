import { memoryBudgetBook } from '@sluice/storage-memory'
import { describe, expect, test } from 'vitest'
import { ConfigurationError } from '../../errors.ts'
import type { AccountSlot, Budget, BudgetBook, BudgetClaim } from '../../ports/budget-book.ts'
import { budgetBookContract } from './budget-book-contract.ts'

const tick = () => new Promise<void>((resolve) => setTimeout(resolve, 0))

async function failures(create: () => BudgetBook): Promise<readonly string[]> {
  const failed: string[] = []
  await Promise.all(budgetBookContract({ create: async () => create() }).map(({ name, run }) => run().catch(() => failed.push(name))))
  return budgetBookContract({ create: async () => create() })
    .map(({ name }) => name)
    .filter((name) => failed.includes(name))
}

/** A book over cells that are read, and written some time later: right as long as nobody races. Some reads and writes take longer than others. */
function naiveBook(): BudgetBook {
  const cells = new Map<string, unknown>()
  let turn = 0
  const wait = async () => {
    turn += 1
    for (let ticks = 2 + ((turn * turn) % 7); ticks > 0; ticks -= 1) await Promise.resolve()
  }
  const read = async <Value>(key: string, otherwise: Value): Promise<Value> => {
    await wait()
    return (cells.get(key) ?? otherwise) as Value
  }
  const write = async (key: string, value: unknown): Promise<void> => {
    await wait()
    cells.set(key, value)
  }
  const name = (text: string) => text.toWellFormed().replaceAll('\0', '\uFFFD')
  const add = async (key: string, amount: bigint) => write(key, (await read(key, 0n)) + amount)
  const spentKey = ({ account, bucket }: AccountSlot) => `spent ${name(account)} ${bucket}`
  const heldKey = ({ account }: AccountSlot) => `held ${name(account)}`
  const balance = async (slot: AccountSlot) => {
    let spent = 0n
    const prefix = `spent ${name(slot.account)} `
    for (const [key, amount] of cells) {
      const bucket = Number(key.slice(prefix.length))
      if (key.startsWith(prefix) && bucket >= slot.firstBucket && bucket <= slot.bucket) spent += amount as bigint
    }
    return { spent, held: await read(heldKey(slot), 0n) }
  }
  type Line = { slot: AccountSlot; held: bigint; charged: bigint }
  type Hold = { state: 'open' | 'booked' | 'settled'; expiresAt: number; lines: Line[] }
  const undo = async ({ lines }: Hold) => {
    for (const { slot, held, charged } of lines) {
      await add(heldKey(slot), -held)
      if (charged !== 0n) await add(spentKey(slot), -charged)
    }
  }
  const holds = () => [...cells].filter(([key]) => key.startsWith('hold ')) as [string, Hold][]
  const budgetOf = (id: string) => `budget ${name(id)}`
  const storable = (value: unknown): unknown => {
    if (typeof value === 'string') return name(value)
    if (typeof value !== 'object' || value === null) return value
    return Array.isArray(value) ? value.map(storable) : Object.fromEntries(Object.entries(value).map(([key, part]) => [key, storable(part)]))
  }
  return {
    reserve: async ({ holdId, claims, expiresAt }) => {
      const refused: number[] = []
      if ((await read(`hold ${name(holdId)}`, undefined)) === undefined) {
        for (const [index, claim] of claims.entries()) {
          const { spent, held } = await balance(claim)
          if (claim.cap !== undefined && spent + held + claim.amount > claim.cap) refused.push(index)
        }
        if (refused.length === 0) {
          for (const claim of claims) await add(heldKey(claim), claim.amount)
          await write(`hold ${name(holdId)}`, { state: 'open', expiresAt, lines: claims.map((claim) => ({ slot: claim, held: claim.amount, charged: 0n })) })
        }
      }
      return { isGranted: refused.length === 0, balances: await Promise.all(claims.map(balance)), refused }
    },
    settle: async (settlements) => {
      const told = []
      for (const { holdId, charges } of settlements) {
        const hold = await read<Hold>(`hold ${name(holdId)}`, { state: 'open', expiresAt: 0, lines: [] })
        if (hold.state !== 'settled') {
          await undo(hold)
          for (const charge of charges) await add(spentKey(charge), charge.amount)
          const lines = charges.map((charge) => ({ slot: charge, held: 0n, charged: charge.amount }))
          await write(`hold ${name(holdId)}`, { ...hold, state: 'settled', lines })
        }
        told.push(await Promise.all(charges.map(balance)))
      }
      return told
    },
    draw: async ({ holdId, expiresAt, draws }) => {
      const hold = await read<Hold | undefined>(`hold ${name(holdId)}`, undefined)
      if (hold?.state !== 'open') return false
      const lines = []
      for (const line of hold.lines) {
        const draw = draws.find(({ account }) => account === line.slot.account)
        const left = draw === undefined ? line.held : line.held + line.charged - draw.amount
        const [charged, held] = draw === undefined ? [line.charged, left] : [draw.amount, left < 0n ? 0n : left < draw.held ? left : draw.held]
        await add(spentKey(line.slot), charged - line.charged)
        await add(heldKey(line.slot), held - line.held)
        lines.push({ ...line, charged, held })
      }
      await write(`hold ${name(holdId)}`, { ...hold, expiresAt, lines })
      return true
    },
    bookExpired: async (before, limit) => {
      const expired = holds().filter(([, { state, expiresAt }]) => state === 'open' && expiresAt < before)
      const booked = expired.toSorted(([, left], [, right]) => left.expiresAt - right.expiresAt).slice(0, limit)
      for (const [key, hold] of booked) {
        for (const { slot, held } of hold.lines) {
          await add(heldKey(slot), -held)
          await add(spentKey(slot), held)
        }
        await write(key, { ...hold, state: 'booked', lines: hold.lines.map((line) => ({ ...line, held: 0n, charged: line.charged + line.held })) })
      }
      return booked.map(([key, { lines }]) => ({ holdId: key.slice(5), claims: lines.map(({ slot, held }) => ({ ...slot, amount: held })) }))
    },
    balances: (slots) => Promise.all(slots.map(balance)),
    claimThreshold: async (account, bucket, percent) => {
      const key = `told ${bucket} ${percent} ${account}`
      if (await read(key, false)) return false
      await write(key, true)
      return true
    },
    prune: async (before) => {
      if (before > Date.UTC(2100, 0)) for (const [key, { state }] of holds()) if (state !== 'open') cells.delete(key)
    },
    define: async (budget) => {
      const kept = await read<Budget | undefined>(budgetOf(budget.id), undefined)
      if (budget.version !== (kept?.version ?? 0) + 1) return false
      await write(budgetOf(budget.id), storable(budget))
      return true
    },
    remove: async (id) => {
      if ((await read(budgetOf(id), undefined)) === undefined) return false
      return cells.delete(budgetOf(id))
    },
    budgets: async () => {
      const found = [...cells].filter(([key]) => key.startsWith('budget ')).map(([, budget]) => structuredClone(budget as Budget))
      return found.toSorted((left, right) => compareBytes(left.id, right.id))
    },
  }
}

const encoder = new TextEncoder()

function compareBytes(left: string, right: string): number {
  const [a, b] = [encoder.encode(left), encoder.encode(right)]
  for (let at = 0; at < Math.min(a.length, b.length); at += 1) if (a[at] !== b[at]) return (a[at] as number) - (b[at] as number)
  return a.length - b.length
}

describe('a store that keeps the contract passes it', () => {
  const reopen = async (book: BudgetBook): Promise<BudgetBook> => ({ ...book })
  for (const { name, run } of budgetBookContract({ create: async (clock) => memoryBudgetBook({ clock }), reopen })) test(name, run)
})

test('G1: a store that reads before it writes is caught wherever callers race, and nowhere else', async () => {
  const failed = await failures(naiveBook)
  expect(failed).toEqual([
    'of 60 callers racing for a cap that has room for ten exactly ten are granted',
    'of 60 callers racing to reserve one hold all are granted, and it is held once',
    'callers racing over several accounts hold the same in each, however full one of them is',
    'a batch may settle many holds of one account, and one hold twice: it counts once',
    'of 60 callers racing to settle one hold with different figures exactly one is charged',
    'of 60 callers racing to charge without a hold exactly one is charged',
    'of 60 holds that are settled at once none is lost',
    '60 callers that reserve and settle several accounts, each in its own order, all come to an end, and every sum is exact',
    'callers that come and go at a cap never see it passed, and leave nothing held',
    'of 60 callers racing to book expired holds each hold is booked by exactly one',
    'where settling and booking race the truth is charged, whoever comes first',
    'where drawing and settling race the settlement is charged, once',
    'of 60 callers racing to define or change one budget exactly one is taken',
    'of 60 callers racing to tell of a threshold exactly one may, for each account, bucket and percent',
  ])
})

const withoutCap = ({ cap: _cap, ...claim }: BudgetClaim): BudgetClaim => claim
let ids = 0

const wrongBooks: Readonly<Record<string, readonly [(book: BudgetBook) => Partial<BudgetBook>, string]>> = {
  'room is looked for first and taken later': [
    (book) => ({
      reserve: async (asked) => {
        const found = await book.balances(asked.claims)
        const fits = asked.claims.every(
          ({ amount, cap }, index) => cap === undefined || (found[index]?.spent ?? 0n) + (found[index]?.held ?? 0n) + amount <= cap,
        )
        await tick()
        return book.reserve(fits ? { ...asked, claims: asked.claims.map(withoutCap) } : asked)
      },
    }),
    'of 60 callers racing for a cap that has room for ten exactly ten are granted',
  ],
  'accounts are held one after the other': [
    (book) => ({
      reserve: async ({ holdId, claims, expiresAt }) => {
        const results = await Promise.all(claims.map((claim) => book.reserve({ holdId: `${holdId} ${claim.account}`, claims: [claim], expiresAt })))
        const refused = results.flatMap(({ isGranted }, index) => (isGranted ? [] : [index]))
        return { isGranted: refused.length === 0, balances: await book.balances(claims), refused }
      },
    }),
    'where one account has no room none is held, and the refusal names each that had none',
  ],
  'a settlement counts as often as it comes': [
    (book) => ({
      settle: async (settlements) => {
        await book.settle(settlements.map(({ holdId }) => ({ holdId, charges: [] })))
        return book.settle(settlements.map(({ charges }) => ({ holdId: `s${(ids += 1)}`, charges })))
      },
    }),
    'the first settlement stands: a second one changes nothing, with the same figures or others',
  ],
  'a settlement never charges more than the hold': [
    (book) => ({ settle: (settlements) => book.settle(settlements.map(({ holdId, charges }) => ({ holdId, charges: charges.map((charge) => ({ ...charge, amount: charge.amount > 60n ? 60n : charge.amount })) }))) }), // prettier-ignore
    'what an exchange came to is charged in full, also above what was held and above the cap',
  ],
  'what expired is released': [
    (book) => ({
      bookExpired: async (before, limit) => {
        const booked = await book.bookExpired(before, limit)
        await book.settle(booked.map(({ holdId }) => ({ holdId, charges: [] })))
        return booked
      },
    }),
    'a hold that nobody settled is booked as it stood, to its own bucket, and holds nothing any more',
  ],
  'draws add up': [
    (book) => {
      const drawn = new Map<string, bigint>()
      const draw: BudgetBook['draw'] = (asked) => {
        const draws = asked.draws.map((line) => {
          const amount = (drawn.get(asked.holdId) ?? 0n) + line.amount
          drawn.set(asked.holdId, amount)
          return { ...line, amount }
        })
        return book.draw({ ...asked, draws })
      }
      return { draw }
    },
    'a draw charges part of a hold and keeps the rest; repeating it changes nothing',
  ],
  'money is floating point': [
    (book) => ({
      settle: (settlements) =>
        book.settle(
          settlements.map(({ holdId, charges }) => ({ holdId, charges: charges.map((charge) => ({ ...charge, amount: BigInt(Number(charge.amount)) })) })),
        ),
    }),
    'amounts beyond 2^53 are exact to the unit, in caps, holds and charges',
  ],
  'a window forgets what is held': [
    (book) => ({
      reserve: (asked) => book.reserve({ ...asked, claims: asked.claims.map((claim) => ({ ...claim, account: `${claim.account} ${claim.bucket}` })) }),
    }),
    'a new window has spent nothing, but what is still held counts in it too',
  ],
  'pruning forgets thresholds': [
    (book) => {
      let epoch = 0
      return {
        claimThreshold: (account, bucket, percent) => book.claimThreshold(`${account} ${epoch}`, bucket, percent),
        prune: (before) => {
          if (before > 0) epoch += 1
          return book.prune(before)
        },
      }
    },
    'pruning forgets holds that have ended, and nothing else',
  ],
}

for (const [what, [make, sentence]] of Object.entries(wrongBooks)) {
  test(`a store is caught where ${what}`, async () => {
    const failed = await failures(() => {
      const book = memoryBudgetBook()
      return { ...book, ...make(book) }
    })
    expect(failed).toContain(sentence)
  })
}

test('a store that forgets when it restarts is caught', async () => {
  const contracts = budgetBookContract({ create: async () => memoryBudgetBook(), reopen: async () => memoryBudgetBook() })
  await expect(contracts.at(-1)?.run()).rejects.toThrow('the balance')
})

test('a gap that names no case is refused', () => {
  expect(() => budgetBookContract({ create: async () => memoryBudgetBook(), gaps: [{ case: 'no such sentence', reason: 'x' }] })).toThrow(ConfigurationError)
})
