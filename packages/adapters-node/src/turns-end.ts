let due: (() => void)[] = []

/**
 * Calls back when every connection that has something to read in this turn of the event loop has been read: what it brought, and the ends of exchanges that
 * followed from it, can leave together. One immediate serves all.
 */
export function atTurnsEnd(callback: () => void): void {
  if (due.push(callback) === 1) setImmediate(callAll)
}

function callAll(): void {
  const callbacks = due
  due = []
  for (const callback of callbacks) {
    try {
      callback()
    } catch (cause) {
      // As loud as if it had been called alone; but one that fails must not keep the others' replies back.
      process.nextTick(() => {
        throw cause
      })
    }
  }
}
