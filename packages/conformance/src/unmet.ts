/** A requirement that was not met. Thrown inside a case; its message is the one line that the report shows. */
export class Unmet extends Error {
  override readonly name = 'Unmet'
}

/** Resolves with what the promise does, or rejects with {@link Unmet} when that takes longer than allowed. */
export async function within<T>(millis: number, promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  try {
    return await Promise.race([
      promise,
      new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Unmet(`${what}: not within ${millis} ms`)), millis)
      }),
    ])
  } finally {
    clearTimeout(timer)
  }
}

/** Waits. */
export function pause(millis: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, millis)
  })
}
