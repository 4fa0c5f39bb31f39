import { ConfigurationError, type AuditLog, type BudgetBook, type KeyRing, type Ledger, type PolicyShelf, type RateBook, type ScopeTree } from '@sluice/core'
import { memoryAuditLog, memoryBudgetBook, memoryKeyRing, memoryLedger, memoryPolicyShelf, memoryRateBook, memoryScopeTree } from '@sluice/storage-memory'
import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { CommandError, messageOf } from '../errors.ts'
import type { StoreSetting } from './store-setting.ts'

/** Everything that a gateway keeps, open. */
export interface OpenStore {
  readonly kind: StoreSetting['kind']
  /** Where it is, in words that hold no password. */
  readonly about: string
  readonly ledger: Ledger
  readonly keyRing: KeyRing
  readonly scopes: ScopeTree
  readonly budgets: BudgetBook
  readonly rates: RateBook
  readonly audit: AuditLog
  readonly policies: PolicyShelf
  /** The secret of a name, made and kept where there is none. */
  readonly secret: (name: string, make: () => string) => Promise<string>
  /** What the store wants done every so often. */
  readonly maintain?: (now: number) => Promise<unknown>
  readonly close: () => Promise<void>
}

/**
 * Opens a store.
 *
 * @throws ConfigurationError where somebody else has the file open, CommandError where it cannot be used; both say what to do
 */
export async function openStore(setting: StoreSetting): Promise<OpenStore> {
  const stayAlive = keepAlive()
  try {
    if (setting.kind === 'sqlite') return await openSqliteStore(setting.path)
    return setting.kind === 'postgres' ? await openPgStore(setting.url) : openMemoryStore()
  } catch (cause) {
    if (ConfigurationError.is(cause)) throw cause
    throw new CommandError(`--store: ${messageOf(cause)}`, { cause })
  } finally {
    stayAlive()
  }
}

/** Waits between attempts of a store keep no process alive, and before a gateway listens nothing else does. Returns the end of it. */
export function keepAlive(): () => void {
  const timer = setInterval(() => undefined, 60_000)
  return () => clearInterval(timer)
}

/** A pepper or another secret: 256 bits. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url')
}

/** A store in memory: gone when the gateway stops. */
export function openMemoryStore(): OpenStore {
  const secrets = new Map<string, string>()
  return {
    kind: 'memory',
    about: 'in memory, until the gateway stops',
    ledger: memoryLedger(),
    keyRing: memoryKeyRing(),
    scopes: memoryScopeTree(),
    budgets: memoryBudgetBook(),
    rates: memoryRateBook(),
    audit: memoryAuditLog(),
    policies: memoryPolicyShelf(),
    secret: (name, make) => {
      const secret = secrets.get(name) ?? make()
      secrets.set(name, secret)
      return Promise.resolve(secret)
    },
    close: () => Promise.resolve(),
  }
}

/** Holds booked with one call. */
const bookedAtOnce = 500

async function openSqliteStore(path: string): Promise<OpenStore> {
  const { openSqlite } = await import('@sluice/storage-sqlite')
  if (path !== ':memory:') mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const { keys, time: _, database: __, ...store } = await openSqlite(path)
  // This process alone has the file, so whoever held something in it is gone: what it held is booked now, and not when it would have expired.
  while ((await store.budgets.bookExpired(Number.MAX_SAFE_INTEGER, bookedAtOnce)).length === bookedAtOnce);
  return { kind: 'sqlite', about: `in ${path}`, keyRing: keys, ...store }
}

/** Another gateway may be setting the database up at this moment: that takes well under a second. @throws the last refusal */
async function readySoon(check: () => Promise<void>): Promise<void> {
  for (let tries = 1; tries < 8; tries += 1) {
    try {
      return await check()
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
  }
  await check()
}

/** Connections to PostgreSQL of one gateway. */
const mostConnections = 10
const connectMillis = 5_000
/** Exchanges wait shorter still; this frees the connections of a network that swallows everything. */
const queryMillis = 10_000
/** Reports and maintenance, on connections of their own. */
const mostReportConnections = 3
const reportMillis = 60_000

async function openPgStore(url: string): Promise<OpenStore> {
  const [{ migrate, pgStore, StoreError }, { default: pg }] = await Promise.all([import('@sluice/storage-pg'), import('pg')])
  const connecting = { connectionString: url, connectionTimeoutMillis: connectMillis, keepAlive: true }
  const pool = new pg.Pool({ ...connecting, max: mostConnections, query_timeout: queryMillis })
  const reportPool = new pg.Pool({ ...connecting, max: mostReportConnections, query_timeout: reportMillis })
  const store = pgStore(pool, { reportPool })
  try {
    await store.checkSchema().catch(async (cause: unknown) => {
      if (!(cause instanceof StoreError) || cause.code !== 'schema') throw cause
      // A database that has nothing of Sluice yet is set up; one that has is changed by hand only, since others may run on it.
      const { rows } = await pool.query<{ readonly found: string | null }>("select to_regclass('sluice.migrations')::text as found")
      if (rows[0]?.found === null) await migrate(pool)
      else await readySoon(() => store.checkSchema())
    })
  } catch (cause) {
    await store.close()
    await Promise.all([pool.end(), reportPool.end()])
    throw cause
  }
  const { keys, time: _, checkSchema: __, ...ports } = store
  const { hostname, pathname } = new URL(url)
  return {
    kind: 'postgres',
    about: `in the PostgreSQL database ${decodeURIComponent(pathname.slice(1)) || '(default)'} on ${hostname || 'localhost'}`,
    keyRing: keys,
    ...ports,
    close: async () => {
      await store.close()
      await Promise.all([pool.end(), reportPool.end()])
    },
  }
}
