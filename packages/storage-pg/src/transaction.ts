import type { PgClient, PgPool } from './pool.ts'

/** Runs work between `begin` and `commit`. A connection that fails in between is thrown away. */
export async function withTransaction<Result>(pool: PgPool, work: (client: PgClient) => Promise<Result>): Promise<Result> {
  const client = await pool.connect()
  let isBroken = true
  try {
    await client.query('begin')
    try {
      const result = await work(client)
      await client.query('commit')
      isBroken = false
      return result
    } catch (error) {
      isBroken = await client.query('rollback').then(
        () => false,
        () => true,
      )
      throw error
    }
  } finally {
    client.release(isBroken)
  }
}
