import { expect, test } from 'vitest'
import { atTurnsEnd } from './turns-end.ts'

test('one that fails is told as uncaught, and keeps none of the others back', async () => {
  const others = process.rawListeners('uncaughtException') as NodeJS.UncaughtExceptionListener[]
  process.removeAllListeners('uncaughtException')
  const uncaught = new Promise((resolve) => void process.once('uncaughtException', resolve))
  const called: string[] = []
  try {
    atTurnsEnd(() => void called.push('first'))
    atTurnsEnd(() => {
      throw new Error('a middleware of somebody else')
    })
    atTurnsEnd(() => void called.push('last'))
    expect(called).toEqual([])
    expect(await uncaught).toEqual(new Error('a middleware of somebody else'))
    expect(called).toEqual(['first', 'last'])
  } finally {
    for (const listener of others) process.on('uncaughtException', listener)
  }
})
