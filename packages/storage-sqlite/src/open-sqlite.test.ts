import { manualClock } from '@sluice/core/testing'
import { expect, test } from 'vitest'
import { defaultSqliteOptions, openSqlite } from './index.ts'

test('a secret is made once: of fifty callers racing for it all get the one that is kept, and it is there after a restart', async () => {
  const store = await openSqlite(':memory:')
  let made = 0
  const make = async (): Promise<string> => {
    made += 1
    const mine = `secret ${made}`
    await Promise.resolve()
    return mine
  }
  const told = await Promise.all(Array.from({ length: 50 }, () => store.secret('pepper', make)))
  expect(new Set(told).size).toBe(1)
  const before = made
  expect(await store.secret('pepper', make)).toBe(told[0])
  expect(made).toBe(before)
  expect(await store.secret('other', () => 'another')).toBe('another')
  await expect(store.secret('failed', () => Promise.reject(new Error('no randomness')))).rejects.toThrow('no randomness')
  expect(await store.secret('failed', () => 'this time')).toBe('this time')
  await store.close()
})

test('the time is that of the clock that the store was opened with', async () => {
  const clock = manualClock()
  const store = await openSqlite(':memory:', { clock })
  const before = await store.time.now()
  clock.advance(1_234)
  expect((await store.time.now()) - before).toBe(1_234)
  await store.close()
})

test('two stores in memory have nothing in common', async () => {
  const [one, two] = [await openSqlite(':memory:'), await openSqlite(':memory:')]
  await one.secret('s', () => 'one')
  expect(await two.secret('s', () => 'two')).toBe('two')
  await Promise.all([one.close(), two.close()])
})

test('the defaults are those that the options say', () => {
  expect(defaultSqliteOptions.durability).toBe('process')
})
