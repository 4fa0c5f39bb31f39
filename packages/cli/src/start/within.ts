/** Waits for work for so long, and keeps the process alive meanwhile. Rejects as the work does, or when it takes longer: what hangs must not keep a gateway from ending. */
export async function within<Result>(millis: number, work: Promise<Result>): Promise<Result> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(`not done within ${millis} ms`)), millis)
  try {
    return await Promise.race([work, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
