import { openSqlite } from '@sluice/storage-sqlite'
import { auditTrail } from '@sluice/core'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { ask, lineWith, runExample } from '../support/run-example.ts'

const folder = await mkdtemp(join(tmpdir(), 'keys-'))
afterAll(() => rm(folder, { recursive: true }))

test('the key that the first start shows lets in, in both presentations, also after a restart, and only its hash is kept', async () => {
  const environment = { STORE: join(folder, 'keys.db'), PEPPER: 'a pepper of at least 32 characters' }
  const first = await runExample('keys/keys.ts', environment)
  const [key = '', jwt = ''] = [await lineWith(first, 'shown this once'), await lineWith(first, 'for Claude Code')].map((line) => line.split(': ')[1])
  expect(key).toMatch(/^sluice_live_[0-9A-Za-z]{8}_[0-9A-Za-z]{38}$/)
  for (const credential of [key, jwt]) expect((await ask(first.url, { headers: { authorization: `Bearer ${credential}` } })).status).toBe(200)
  expect((await ask(first.url, { headers: { authorization: 'Bearer not-a-key-of-anyone' } })).status).toBe(401)
  await first.stop()

  const second = await runExample('keys/keys.ts', environment)
  expect(second.lines).toHaveLength(1)
  expect((await ask(second.url, { headers: { 'x-api-key': key } })).status).toBe(200)
  await second.stop()

  const store = await openSqlite(environment.STORE)
  expect(await auditTrail({ log: store.audit }).verify()).toMatchObject({ kind: 'intact', records: 1 })
  expect(JSON.stringify([await store.keys.list({}), await store.audit.read({})])).not.toContain(key.slice(-38))
  const [row] = await store.ledger.report({ groupBy: ['developer', 'organisation', 'businessUnit'] })
  expect(row).toMatchObject({ group: { developer: 'ada', organisation: 'acme', businessUnit: 'acme/web' }, exchanges: 3 })
  await store.close()
})
