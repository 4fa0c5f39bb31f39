import { afterEach, describe, expect, it, vi } from 'vitest'
import { systemClock } from './host.ts'

describe('the system clock', () => {
  afterEach(() => void vi.useRealTimers())

  it.each([Infinity, 2 ** 31, 1e12])('a delay of %d ms, longer than timers know, does not fire at once', (delayMillis) => {
    vi.useFakeTimers()
    const fired = vi.fn<() => void>()
    const cancel = systemClock.after(delayMillis, fired)
    vi.advanceTimersByTime(60_000)
    expect(fired).not.toHaveBeenCalled()
    cancel()
  })
})
