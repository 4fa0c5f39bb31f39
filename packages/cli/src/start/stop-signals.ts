/** Signals that end a gateway. Not SIGHUP: a gateway under nohup is to outlive its terminal, and listening would undo that. */
const signals = ['SIGTERM', 'SIGINT'] as const

/** A terminal and a launcher (npm, a shell) may each deliver the one Ctrl-C: what comes this soon after the first is the same wish. */
const sameWishMillis = 750

/** Waits for the wish to stop. */
export interface StopSignals {
  /** Resolves at the first signal. */
  readonly first: Promise<NodeJS.Signals>
  /** Resolves at a second one: now, whatever is under way. */
  readonly second: Promise<NodeJS.Signals>
  /** Stops listening. */
  readonly dispose: () => void
}

/** Listens for signals on this process. */
export function stopSignals(now: () => number): StopSignals {
  const first = Promise.withResolvers<NodeJS.Signals>()
  const second = Promise.withResolvers<NodeJS.Signals>()
  let firstAt: number | undefined
  const take = (signal: NodeJS.Signals): void => {
    if (firstAt === undefined) {
      firstAt = now()
      first.resolve(signal)
    } else if (now() - firstAt > sameWishMillis) second.resolve(signal)
  }
  for (const signal of signals) process.on(signal, take)
  return {
    first: first.promise,
    second: second.promise,
    dispose: () => {
      for (const signal of signals) process.off(signal, take)
    },
  }
}
