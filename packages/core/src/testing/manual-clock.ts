import type { Clock } from '../host.ts'

/** A clock that stands still until a test moves it. */
export interface ManualClock extends Clock {
  /** Moves the clock, firing what falls due on the way: in order of time, then of setting, each at its own instant. Timers set meanwhile take part. */
  readonly advance: (millis: number) => void
  /** Like `advance`, but lets promises settle before the first timer and after each, so that code which awaits in between sets its next timer in time. */
  readonly advanceAsync: (millis: number) => Promise<void>
  /** Timers set and neither fired nor cancelled: 0 at the end of a test that leaks none. */
  readonly pendingTimers: number
}

interface Timer {
  readonly dueAt: number
  readonly callback: () => void
}

/** A {@link Clock} for exact tests. Starts at `startMillis`, 2026-11-24T12:00:00Z unless given. */
export function manualClock(startMillis: number = Date.UTC(2026, 10, 24, 12)): ManualClock {
  let now = startMillis
  const timers = new Set<Timer>()
  const fireNext = (until: number): boolean => {
    let next: Timer | undefined
    for (const timer of timers) if (timer.dueAt <= until && (next === undefined || timer.dueAt < next.dueAt)) next = timer
    if (next === undefined) return false
    timers.delete(next)
    now = Math.max(now, next.dueAt)
    next.callback()
    return true
  }
  return {
    now: () => now,
    after: (delayMillis, callback) => {
      const timer = { dueAt: now + Math.max(0, delayMillis), callback }
      timers.add(timer)
      return () => void timers.delete(timer)
    },
    advance: (millis) => {
      const until = now + millis
      while (fireNext(until));
      now = Math.max(now, until)
    },
    advanceAsync: async (millis) => {
      const until = now + millis
      do await settled()
      while (fireNext(until))
      now = Math.max(now, until)
    },
    get pendingTimers() {
      return timers.size
    },
  }
}

/** A turn of the event loop: every promise that can settle by itself has. */
function settled(): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, 0))
}
