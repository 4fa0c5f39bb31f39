import type { TestProject } from 'vitest/node'
import { postgresBinaries, startPostgres } from './postgres.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Port of the server that all test files share; 0 where there is none. */
    readonly postgresPort: number
  }
}

/** One server for all files of a run. */
export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const binaries = postgresBinaries()
  if (binaries === undefined) {
    console.log('PostgreSQL is not installed here: tests against a real server are skipped.')
    project.provide('postgresPort', 0)
    return undefined
  }
  const server = await startPostgres(binaries)
  project.provide('postgresPort', server.port)
  return () => server.stop()
}
