/**
 * A gateway whose developers hold virtual keys of its own. The store has only their hashes. The first start makes a place in the organisation and a key for it,
 * and prints the key, this once; the audit trail says so.
 */
import { nodeRuntime, serve } from '@sluice/adapters-node'
import { attribute, auditTrail, authenticate, createGateway, swapCredential, virtualKeys } from '@sluice/core'
import { openSqlite } from '@sluice/storage-sqlite'

const { UPSTREAM_URL = 'https://api.anthropic.com', UPSTREAM_KEY = '', PORT = '8787', STORE = 'sluice.db', PEPPER = '' } = process.env

const store = await openSqlite(STORE)
const keys = virtualKeys({ ring: store.keys, scopes: store.scopes, pepper: PEPPER, onFault: ({ code, message }) => console.error(`${code}: ${message}`) })
const trail = auditTrail({ log: store.audit })

if ((await store.keys.list({ limit: 1 })).length === 0) await issueFirstKey()

const gateway = createGateway({
  runtime: nodeRuntime(),
  upstreams: [{ name: 'anthropic', baseUrl: UPSTREAM_URL, credential: swapCredential(UPSTREAM_KEY) }],
})
  .use(authenticate(keys)) // who, and what the key may be used for
  .use(attribute()) // which session, repository, kind of request
  .record(store.ledger) // what it cost

const { url } = await serve(gateway, { port: Number(PORT), isAuthenticated: true, stopOnSignals: true })
console.log(`listening on ${url}`)

async function issueFirstKey(): Promise<void> {
  const now = Date.now()
  await store.scopes.add({ path: 'acme', level: 'organisation', createdAt: now })
  await store.scopes.add({ path: 'acme/web', level: 'business-unit', createdAt: now })
  const issued = await keys.issue({
    scope: 'acme/web',
    developer: 'ada',
    tags: { team: 'web' },
    restrictions: { models: ['claude-opus-*', 'claude-haiku-*'], networks: ['127.0.0.0/8'] },
    expiresAt: now + 90 * 86_400_000,
  })
  if (issued.kind !== 'issued') throw new Error(`no key was issued: ${issued.kind}`)
  const { id, scope, developer, restrictions, expiresAt } = issued.record
  await trail.append({ actor: 'first start', action: 'key.issue', subject: `key:${id}`, after: { scope, developer, restrictions, expiresAt } })
  console.log(`the key of ${developer}, shown this once: ${issued.key}`)
  console.log(`the same for Claude Code: ${issued.jwt}`)
}
