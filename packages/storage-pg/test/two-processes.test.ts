import { reportOracle, sampleEntries, sampleEntry } from '@sluice/core/testing'
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { migrate, pgBudgetBook, pgLedger, pgPolicyShelf, pgStore } from '../src/index.ts'
import { createDatabase, hasPostgres } from './databases.ts'

const contender = fileURLToPath(new URL('contender.ts', import.meta.url))

const publisher = fileURLToPath(new URL('publisher.ts', import.meta.url))

/** Runs a process that reserves `count` times at once; resolves with how many were granted. */
function contend(url: string, name: string, ...rest: readonly (number | string)[]): Promise<number> {
  return run(contender, url, name, ...rest)
}

function run(program: string, url: string, name: string, ...rest: readonly (number | string)[]): Promise<number> {
  const child = spawn(process.execPath, ['--conditions=sluice-source', program, url, name, ...rest.map(String)], { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', () => {
      try {
        resolve((JSON.parse(output) as { readonly granted: number }).granted)
      } catch (error) {
        reject(new Error(`${name} said ${JSON.stringify(output)}`, { cause: error }))
      }
    })
  })
}

describe.skipIf(!hasPostgres)('two processes on one PostgreSQL', () => {
  let url = ''
  let pool: pg.Pool
  beforeAll(async () => {
    url = await createDatabase()
    pool = new pg.Pool({ connectionString: url, max: 10 })
    await migrate(pool)
  })
  afterAll(() => pool.end())

  const balance = async (account: string): Promise<readonly bigint[]> => {
    const [found] = await pgBudgetBook(pool).balances([{ account, bucket: 0, firstBucket: 0 }])
    return [found?.spent ?? -1n, found?.held ?? -1n]
  }
  const deadlocks = async (): Promise<unknown> => {
    const { rows } = await pool.query<{ deadlocks: string }>('select deadlocks::text from pg_stat_database where datname = current_database()')
    return rows[0]?.deadlocks
  }

  test('R16: of 200 reservations from two processes as many are granted as fit, never more and never less, without a deadlock', async () => {
    const granted = await Promise.all([contend(url, 'one', 100, 10, 1_000), contend(url, 'two', 100, 10, 1_000)])
    expect(granted.reduce((sum, count) => sum + count, 0)).toBe(100)
    expect(await balance('acme')).toEqual([0n, 1_000n])
    expect(await deadlocks()).toBe('0')
  })

  test('R16: while true spend and live holds leave room nobody is refused, and what was settled counts to the unit', async () => {
    await pgBudgetBook(pool).settle(['one', 'two'].flatMap((name) => Array.from({ length: 100 }, (_, index) => ({ holdId: `${name}-${index}`, charges: [] }))))
    expect(await balance('acme')).toEqual([0n, 0n])
    // All two hundred fit, were none of them settled for less.
    const granted = await Promise.all([contend(url, 'three', 100, 5, 1_000, 'settle'), contend(url, 'four', 100, 5, 1_000, 'settle')])
    expect(granted).toEqual([100, 100])
    expect(await balance('acme')).toEqual([800n, 0n])
    expect(await deadlocks()).toBe('0')
  })

  test('R16: holds of a process that was killed are booked once they expire, and leave nothing held', async () => {
    const granted = await contend(url, 'crashed', 30, 5, 1_000, 'crash')
    expect(granted).toBe(30)
    expect(await balance('acme')).toEqual([800n, 150n])
    const book = pgBudgetBook(pool)
    const booked = (await Promise.all(Array.from({ length: 5 }, () => book.bookExpired(2_000, 10)))).flat()
    expect(new Set(booked.map(({ holdId }) => holdId)).size).toBe(30)
    expect(booked.length).toBe(30)
    expect(await balance('acme')).toEqual([950n, 0n])
  })

  test('J3: writers that append the same exchanges, each in another order, never wait in a circle, and every sum is exact', async () => {
    const entries = sampleEntries(77, 400)
    const writers = Array.from({ length: 6 }, () => pgLedger(pool))
    await Promise.all(
      writers.map(async (ledger, writer) => {
        const own = writer % 2 === 0 ? entries : entries.toReversed()
        for (let from = 0; from < own.length; from += 80) await Promise.all(own.slice(from, from + 80).map((entry) => ledger.append(entry)))
      }),
    )
    for (const groupBy of [
      ['session', 'agent'],
      ['developer', 'day'],
      ['kind', 'model'],
    ] as const)
      expect(await writers[0]?.report({ groupBy })).toEqual(reportOracle(entries, { groupBy }))
    expect(await deadlocks()).toBe('0')
  })

  test('J1: a day that somebody is reading is dropped later, and nobody waits for long behind it', async () => {
    const store = pgStore(pool, { retentionDays: 1 })
    const startedAt = Date.UTC(2026, 0, 1)
    await store.ledger.append(sampleEntry({ startedAt }))
    const reader = await pool.connect()
    await reader.query('begin')
    await reader.query('select count(*) from sluice.entries')
    const [kept, entry] = await Promise.all([store.maintain(startedAt + 2 * 86_400_000), store.ledger.append(sampleEntry({ exchangeId: 'ex_meanwhile' }))])
    expect([kept, entry]).toEqual([{ dropped: [], postponed: ['entries_20260101'] }, undefined])
    await reader.query('commit')
    reader.release()
    expect(await store.maintain(startedAt + 2 * 86_400_000)).toEqual({ dropped: ['entries_20260101'], postponed: [] })
  })

  test('policies that two processes publish on what is in force make one history, without a gap, each on the one before it', async () => {
    expect(await Promise.all([run(publisher, url, 'one', 40), run(publisher, url, 'two', 40)])).toEqual([40, 40])
    const publications = (await pgPolicyShelf(pool).history({})).toReversed()
    expect(publications.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 80 }, (_, index) => index + 1))
    expect(publications.map(({ previousVersion }) => previousVersion)).toEqual([undefined, ...publications.slice(0, -1).map(({ version }) => version)])
    expect(new Set(publications.map(({ version }) => version)).size).toBe(80)
    expect((await pgPolicyShelf(pool).current())?.version).toBe(publications.at(-1)?.version)
  })

  test('a secret that processes make at once is one secret', async () => {
    let made = 0
    const stores = Array.from({ length: 6 }, () => pgStore(pool))
    const secrets = await Promise.all(stores.flatMap((store) => [1, 2].map(() => store.secret('pepper', async () => `made ${(made += 1)}`))))
    expect(new Set(secrets).size).toBe(1)
    expect(await stores[0]?.secret('pepper', () => 'another')).toBe(secrets[0])
    expect(await stores[0]?.secret('other', () => 'another')).toBe('another')
  })
})
