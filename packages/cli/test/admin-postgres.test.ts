import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { postgresBinaries, startPostgres, type TestServer } from '../../storage-pg/test/postgres.ts'
import { ask, sluice, startGateway, type Gateway } from './sluice.ts'

const timeout = 60_000
const token = 'admin-token-CANARY-0123456789'
const binaries = postgresBinaries()

const statusOf = async ({ url }: Gateway, key: string): Promise<number> => {
  const reply = await ask(url, 'hello', { 'x-api-key': key })
  await reply.text()
  return reply.status
}

describe.skipIf(binaries === undefined)('PostgreSQL as the store', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await startPostgres(binaries ?? '')
  }, timeout)
  afterAll(() => server.stop())

  test('R24 a database that is behind is refused until it is migrated by hand', { timeout }, async () => {
    const store = await server.createDatabase()
    const client = new pg.Client({ connectionString: store })
    await client.connect()
    await client.query(
      'create schema sluice; create table sluice.migrations (version integer primary key, name text not null, min_reader integer not null, applied_at timestamptz not null default now())',
    )
    await client.end()
    const early = await sluice(['start', '--port', '0', '--rehearse', '--store', store])
    expect([early.code, early.stderr]).toEqual([1, expect.stringContaining('Run: sluice migrate')])
    expect(await sluice(['migrate', '--store', store])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^Applied 1\b.*the database is at version \d+\.\n$/) as string,
    })
    expect(await sluice(['migrate', '--store', store])).toMatchObject({ code: 0, stdout: expect.stringContaining('already') as string })
  })

  test('an empty database is set up at the first start, is shared by replicas, and a revocation on one bites on the other too', { timeout }, async () => {
    const store = await server.createDatabase()
    const start = (): Promise<Gateway> => startGateway(['--rehearse', '--store', store, '--admin-token', token])
    const [one, other] = await Promise.all([start(), start()])
    const json = async <Value>(gateway: Gateway, ...args: readonly string[]): Promise<Value> => {
      const { code, stdout, stderr } = await sluice([...args, '--url', gateway.url, '--admin-token', token, '--json'])
      expect([args, code, stderr]).toEqual([args, 0, ''])
      return JSON.parse(stdout) as Value
    }
    await json(one, 'scopes', 'add', 'acme/web')
    const { id, key, jwt } = await json<{ id: string; key: string; jwt: string }>(one, 'keys', 'create', '--scope', 'acme/web')
    expect([await statusOf(one, key), await statusOf(other, key), await statusOf(other, jwt)]).toEqual([200, 200, 200])
    await json(other, 'budgets', 'set', '--scope', 'acme', '--amount-usd', '5', '--window', 'month')
    expect(await json(one, 'budgets', 'show', '--scope', 'acme')).toMatchObject({ cap: '5000000000', spent: expect.stringMatching(/^\d+$/) as string })

    await json(one, 'keys', 'revoke', id, '--leaked')
    expect(await statusOf(one, key)).toBe(401)
    // What the other has looked up is good for five seconds; virtual-keys.test.ts has the bound by a clock of its own.
    while ((await statusOf(other, key)) !== 401) await new Promise((resolve) => setTimeout(resolve, 100))
    expect(await json(other, 'audit', 'verify')).toMatchObject({ kind: 'intact' })
    const { stdout, stderr } = await one.stop()
    await other.stop()
    expect(stdout).toContain('SLUICE_KEY_PEPPER')
    expect(stdout + stderr).not.toContain('CANARY')
  })
})
