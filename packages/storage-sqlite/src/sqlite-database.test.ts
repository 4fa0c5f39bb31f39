import { ConfigurationError, type LedgerEntry } from '@sluice/core'
import { reportOracle, sampleEntries, sampleEntry } from '@sluice/core/testing'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { openSqlite, openSqliteDatabase, StoreError } from './index.ts'

const folder = await mkdtemp(join(tmpdir(), 'storage-sqlite-'))
afterAll(() => rm(folder, { recursive: true }))

let files = 0
const newPath = (): string => join(folder, `${(files += 1)}.db`)

const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  )

test('a change that throws undoes nothing of those that share its transaction, and leaves none of its own', async () => {
  const database = await openSqliteDatabase(':memory:')
  const insert = database.prepare('insert into secrets (name, value) values (?, ?)')
  const outcomes = await Promise.allSettled(
    ['a', 'b', 'a', 'c'].map((name, index) =>
      database.write(() => {
        insert.run(`before ${index}`, '')
        insert.run(name, '')
        return name
      }),
    ),
  )
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled'])
  const names = await database.read(() =>
    database
      .prepare('select name from secrets order by name')
      .all()
      .map(({ name }) => name),
  )
  expect(names).toEqual(['a', 'b', 'before 0', 'before 1', 'before 3', 'c'])
})

test('what goes along with others is made before them, and gathered changes leave those that are in a hurry alone', async () => {
  const database = await openSqliteDatabase(':memory:')
  const made: string[] = []
  let transactions = 0
  database.onCommit(() => (transactions += 1))
  const gathered = ['gathered 1', 'gathered 2'].map((name) => database.write(() => made.push(name), 'gathered'))
  const along = database.write(() => made.push('along'), 'along')
  await Promise.all([database.write(() => made.push('soon')), along])
  expect([made, transactions]).toEqual([['along', 'soon'], 1])
  await Promise.all(gathered)
  expect([made, transactions]).toEqual([['along', 'soon', 'gathered 1', 'gathered 2'], 2])
})

test('who makes one change after the other does not wait for company each time', async () => {
  const database = await openSqliteDatabase(':memory:')
  for (const pace of ['gathered', 'along'] as const) {
    await database.write(() => undefined, pace)
    const order: string[] = []
    const next = database.write(() => undefined, pace).then(() => order.push('made'))
    await new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)))
    order.push('two turns later')
    await next
    expect(order).toEqual(['made', 'two turns later'])
  }
})

test('an error that is not the database’s comes back as it is', async () => {
  const database = await openSqliteDatabase(':memory:')
  const mine = new RangeError('mine')
  const change = (): never => {
    throw mine
  }
  expect(await failureOf(database.write(change))).toBe(mine)
  expect(await failureOf(database.read(change))).toBe(mine)
})

test('closing does what was asked for before it, and refuses what is asked for after it', async () => {
  const path = newPath()
  const store = await openSqlite(path)
  const appended = sampleEntries(1, 600).map((entry) => store.ledger.append(entry))
  await store.close()
  await Promise.all(appended)
  for (const late of [
    () => store.ledger.append(sampleEntry()),
    () => store.ledger.exchanges({}),
    () => store.ledger.report({ groupBy: [] }),
    () => store.keys.find('k'),
  ])
    expect(await failureOf(late())).toMatchObject({ name: 'StoreError', code: 'closed' })
  expect(() => store.database.prepare('select 1')).toThrow(StoreError)
  const reopened = await openSqlite(path)
  expect(await reopened.ledger.exchanges({ limit: 1_000 })).toHaveLength(600)
  await reopened.close()
})

test('R23: a full disk rejects what does not fit, loses nothing that was kept, and the store goes on by itself when there is room', async () => {
  const { ledger, budgets, keys, database, close } = await openSqlite(newPath())
  const pages = Number(database.prepare('pragma page_count').get()?.['page_count'])
  const limit = (count: number) => database.prepare(`pragma max_page_count = ${count}`).get()
  const slot = { account: 'team', bucket: 0, firstBucket: 0 }
  limit(pages + 40)
  const entries = sampleEntries(2, 400)
  const kept: LedgerEntry[] = []
  const codes = new Set<unknown>()
  // Some alone, some sharing a transaction: with one that does not fit, others may.
  for (let at = 0; at < entries.length; at += 5) {
    const together = entries.slice(at, at + 5)
    const outcomes = await Promise.allSettled(together.map((entry) => ledger.append(entry)))
    for (const [index, outcome] of outcomes.entries()) {
      if (outcome.status === 'fulfilled') kept.push(together[index] as LedgerEntry)
      else codes.add((outcome.reason as StoreError).code)
    }
  }
  expect([...codes]).toEqual(['full'])
  expect(kept.length).toBeGreaterThan(20)
  const error = await failureOf(ledger.append(sampleEntry({ labels: { session: 'x'.repeat(200_000) } })))
  expect(error).toMatchObject({ name: 'StoreError', code: 'full', message: expect.stringContaining('Make room on the disk') as string })

  const held = await Promise.allSettled(
    Array.from({ length: 300 }, (_, index) => budgets.reserve({ holdId: `h${index}`, claims: [{ ...slot, amount: 1n }], expiresAt: 0 })),
  )
  const granted = held.filter(({ status }) => status === 'fulfilled').length
  expect(granted).toBeLessThan(300)
  expect(await budgets.balances([slot])).toEqual([{ spent: 0n, held: BigInt(granted) }])
  expect(await keys.find('nobody')).toBe(undefined)

  for (const groupBy of [['session', 'model'], ['hour']] as const) expect(await ledger.report({ groupBy })).toEqual(reportOracle(kept, { groupBy }))
  limit(1_000_000)
  await Promise.all(entries.map((entry) => ledger.append(entry)))
  expect(await ledger.exchanges({ limit: 1_000 })).toHaveLength(400)
  for (const groupBy of [['session', 'model'], ['hour']] as const) expect(await ledger.report({ groupBy })).toEqual(reportOracle(entries, { groupBy }))
  await budgets.reserve({ holdId: 'later', claims: [{ ...slot, amount: 1n }], expiresAt: 0 })
  expect(await budgets.balances([slot])).toEqual([{ spent: 0n, held: BigInt(granted) + 1n }])
  await close()
})

test('R23: a file that may not be written rejects every change, answers every question, and takes changes again when it may', async () => {
  const { ledger, scopes, database, close } = await openSqlite(newPath())
  await ledger.append(sampleEntry())
  const readOnly = (isOn: boolean): void => void database.prepare(`pragma query_only = ${isOn ? 1 : 0}`).all()
  readOnly(true)
  for (const change of [() => ledger.append(sampleEntry()), () => scopes.add({ path: 'acme', level: 'organisation', createdAt: 0 })])
    expect(await failureOf(change())).toMatchObject({
      name: 'StoreError',
      code: 'read-only',
      message: expect.stringContaining('Let this process write it') as string,
    })
  expect(await ledger.report({ groupBy: [] })).toMatchObject([{ exchanges: 1 }])
  readOnly(false)
  await ledger.append(sampleEntry())
  expect(await ledger.exchanges({})).toHaveLength(2)
  await close()
})

test('a path that leads nowhere, and options that are none, are refused with words that help', async () => {
  const nowhere = await failureOf(openSqlite(join(folder, 'no', 'such', 'folder.db')))
  expect(nowhere).toMatchObject({ name: 'StoreError', code: 'unreachable', message: expect.stringContaining('See that its folder exists') as string })
  expect(await failureOf(openSqlite(folder))).toMatchObject({ code: 'unreachable' })
  expect(await failureOf(openSqlite(''))).toBeInstanceOf(ConfigurationError)
  expect(await failureOf(openSqlite(':memory:', { durability: 'none' as 'power' }))).toMatchObject({ option: 'openSqlite.durability' })
})

test('durability against the loss of power waits for the disk with each change, the other does not', async () => {
  for (const [durability, level] of [
    [undefined, 1],
    ['process', 1],
    ['power', 2],
  ] as const) {
    const database = await openSqliteDatabase(newPath(), durability && { durability })
    expect(database.prepare('pragma synchronous').get()).toEqual({ synchronous: level })
    expect(database.prepare('pragma journal_mode').get()).toEqual({ journal_mode: 'wal' })
    await database.close()
  }
})
