import { afterAll, beforeAll, describe } from 'vitest'
import { hasPostgres, pgliteDatabase, postgresDatabase, type TestDatabase } from './databases.ts'

const makers: readonly (readonly [name: TestDatabase['name'], make: () => Promise<TestDatabase>, isHere: boolean])[] = [
  ['PostgreSQL', postgresDatabase, hasPostgres],
  ['PGlite', pgliteDatabase, true],
]

/** The same tests on the real server and on PGlite, each with a database of its own; those of a server that is not installed are skipped, and counted. */
export function eachDatabase(define: (database: () => TestDatabase) => void): void {
  for (const [name, make, isHere] of makers) {
    describe.skipIf(!isHere)(`on ${name}`, () => {
      let database: TestDatabase | undefined
      beforeAll(async () => {
        database = await make()
      }, 30_000)
      afterAll(() => database?.close())
      define(() => {
        if (database === undefined) throw new Error(`${name} has not started`)
        return database
      })
    })
  }
}
