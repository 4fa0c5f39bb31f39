/** Counts, and says when it has come so far: for proofs whose moments are told by what has happened, not by a clock. */
export interface Counter {
  readonly add: () => void
  readonly count: () => number
  /** Resolves when `goal` more have been counted than when it was asked; at once for 0. */
  readonly grown: (goal: number) => Promise<void>
  /** Resolves when `goal` have been counted. */
  readonly reached: (goal: number) => Promise<void>
}

export function counter(): Counter {
  let count = 0
  let waiting: readonly { readonly goal: number; readonly resolve: () => void }[] = []
  const reached = (goal: number): Promise<void> => {
    if (count >= goal) return Promise.resolve()
    return new Promise((resolve) => {
      waiting = [...waiting, { goal, resolve }]
    })
  }
  return {
    add: () => {
      count += 1
      for (const { goal, resolve } of waiting) if (count >= goal) resolve()
      waiting = waiting.filter(({ goal }) => goal > count)
    },
    count: () => count,
    grown: (goal) => reached(count + goal),
    reached,
  }
}
