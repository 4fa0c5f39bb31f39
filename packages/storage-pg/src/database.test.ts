import { describe, expect, test } from 'vitest'
import { Database } from './database.ts'
import { migrations } from './migrations/index.ts'
import type { PgPool } from './pool.ts'
import { toStoreError } from './store-error.ts'

const version = { rows: [{ version: String(migrations.length), reader: '1' }], rowCount: 1 }
const failure = (code: string): Error => Object.assign(new Error(`as the server says: ${code}`), { code })

/** A database whose statements fail in turn, and succeed after that; how often it was asked, and how long it waited. */
function failingDatabase(failures: readonly unknown[]) {
  const left = [...failures]
  const waits: number[] = []
  const calls = { count: 0 }
  const pool: PgPool = {
    query: async (text) => {
      if (text.includes('migrations')) return version
      calls.count += 1
      const next = left.shift()
      if (next !== undefined) throw next
      return { rows: [], rowCount: 0 }
    },
    connect: () => Promise.reject(new Error('not here')),
  }
  const clock = {
    now: () => waits.reduce((sum, wait) => sum + wait, 0),
    after: (delay: number, callback: () => void) => {
      waits.push(delay)
      callback()
      return () => undefined
    },
  }
  return { database: new Database(pool, { clock }), waits, calls }
}

const refused = failure('ECONNREFUSED')

describe('what is tried again', () => {
  test('a repeatable statement whose fate is unknown is sent again, a few times, with growing pauses', async () => {
    const { database, waits, calls } = failingDatabase([refused, failure('57P01'), new Error('Connection terminated unexpectedly')])
    await database.query('select 1', [], { isIdempotent: true })
    expect([calls.count, waits]).toEqual([4, [10, 50, 250]])
    const hopeless = failingDatabase(Array.from({ length: 9 }, () => refused))
    await expect(hopeless.database.query('select 1', [], { isIdempotent: true })).rejects.toMatchObject({
      code: 'unreachable',
      isTransient: true,
      cause: refused,
    })
    expect(hopeless.calls.count).toBe(4)
  })

  test('one that may not be repeated is not, unless the server says that nothing took place', async () => {
    const unknown = failingDatabase([refused])
    await expect(unknown.database.query('select 1', [], { isIdempotent: false })).rejects.toMatchObject({ code: 'unreachable' })
    expect(unknown.calls.count).toBe(1)
    const deadlock = failingDatabase([failure('40P01'), failure('40001')])
    await deadlock.database.query('select 1', [], { isIdempotent: false })
    expect(deadlock.calls.count).toBe(3)
  })

  test('what the server refuses is not sent again', async () => {
    const { database, calls } = failingDatabase([failure('22021')])
    await expect(database.query('select 1', [], { isIdempotent: true })).rejects.toMatchObject({ code: 'rejected', isTransient: false, sqlState: '22021' })
    expect(calls.count).toBe(1)
  })

  test('after a server that took long to say no, nobody waits for another attempt', async () => {
    const waits: number[] = []
    let now = 0
    const pool: PgPool = {
      query: (text) => {
        if (text.includes('migrations')) return Promise.resolve(version)
        now += 2_000
        return Promise.reject(refused)
      },
      connect: () => Promise.reject(refused),
    }
    const database = new Database(pool, { clock: { now: () => now, after: (delay) => (waits.push(delay), () => undefined) } })
    await expect(database.query('select 1', [], { isIdempotent: true })).rejects.toMatchObject({ code: 'unreachable' })
    expect(waits).toEqual([])
  })
})

test('errors are told apart by what may be done about them', () => {
  const codes = ['ECONNREFUSED', 'EPIPE', 'ECONNRESET', '08006', '57P01', '57P03', '53300', '25006', '57014'].map((code) => toStoreError(failure(code)).code)
  expect(codes).toEqual(codes.map(() => 'unreachable'))
  expect(['40001', '40P01', '55P03'].map((code) => toStoreError(failure(code)).code)).toEqual(['contention', 'contention', 'contention'])
  expect(['42P01', '42883', '3F000'].map((code) => toStoreError(failure(code)).code)).toEqual(['schema', 'schema', 'schema'])
  expect(['22P05', '23505', '54000'].map((code) => toStoreError(failure(code)).code)).toEqual(['rejected', 'rejected', 'rejected'])
  expect(toStoreError(new TypeError('wrong')).code).toBe('rejected')
  const known = toStoreError(failure('40001'))
  expect(toStoreError(known)).toBe(known)
})

test('no message of an error holds a value that was sent', () => {
  const error = toStoreError(Object.assign(new Error('duplicate key: (id)=(sk-secret)'), { code: '23505', detail: 'Key (id)=(sk-secret)' }))
  expect(error.message).not.toContain('sk-secret')
})
