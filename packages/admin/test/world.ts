import { virtualKeys, type AuditLog, type BudgetBook, type KeyRecord, type PolicyShelf, type ScopeLevel } from '@sluice/core'
import { manualClock, sampleEntry, type ManualClock } from '@sluice/core/testing'
import { memoryAuditLog, memoryBudgetBook, memoryKeyRing, memoryLedger, memoryPolicyShelf, memoryRateBook, memoryScopeTree } from '@sluice/storage-memory'
import { publishPolicy, toPolicyDocument } from '@sluice/core/policy'
import { z } from 'zod'
import { adminApi, type AdminApi, type AdminApiOptions } from '../src/admin-api.ts'
import { hashAdminToken, type AdminToken } from '../src/admin-token.ts'
import { adminRoles, type AdminRole } from '../src/power.ts'
import type { AdminStores } from '../src/stores.ts'

/** A call of a test. */
export interface TestCall {
  readonly method: string
  /** Below `/admin/v1/`, query included. */
  readonly path: string
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** An answer, parsed. */
export interface TestAnswer {
  readonly status: number
  readonly text: string
  readonly body: Readonly<Record<string, unknown>>
  readonly headers: Headers
}

/** An admin API on memory stores, with two tenants of one organisation: `acme/web` and `acme/ops`. */
export interface World {
  readonly api: AdminApi
  readonly stores: AdminStores & { readonly policies: PolicyShelf }
  readonly clock: ManualClock
  readonly keys: Readonly<Record<'own' | 'foreign' | 'above', KeyRecord>>
  /** The text of the keys that were issued: what must appear nowhere. */
  readonly secrets: readonly string[]
  readonly failures: readonly string[]
  /** Calls as the token of a role, bounded by `acme/web` or not. */
  readonly call: (call: TestCall, role?: AdminRole, isBounded?: boolean) => Promise<TestAnswer>
}

/** What a test may change of the world. */
export interface WorldOptions extends Partial<Pick<AdminApiOptions, 'localRole' | 'tokens' | 'upstreams' | 'pricing' | 'onPolicyPublished'>> {
  readonly audit?: AuditLog
  readonly budgets?: BudgetBook
}

export const bound = 'acme/web'
/** Policies that came into force before the test, one after the other; the last one is. */
export const firstRules: readonly [string, string] = ['when scope is acme/ops keep', 'when kind is title use claude-haiku-5-5']
export const firstVersions: readonly string[] = await Promise.all(
  firstRules.map(async (rule) => (await toPolicyDocument({ version: 1, rules: [rule] })).version),
)
const tokenOf = (role: AdminRole, isBounded: boolean): string => `CANARY-token-${role}-${isBounded ? 'bounded' : 'free'}`

/** Builds a fresh world. */
export async function newWorld(options: WorldOptions = {}): Promise<World> {
  const clock = manualClock()
  const [keyRing, scopes] = [memoryKeyRing(), memoryScopeTree()]
  const issued = virtualKeys({ ring: keyRing, scopes, pepper: 'CANARY-pepper-0123456789-0123456789', clock })
  const stores: World['stores'] = {
    ledger: memoryLedger(),
    keys: issued,
    keyRing,
    scopes,
    budgets: options.budgets ?? memoryBudgetBook({ clock }),
    rates: memoryRateBook(),
    audit: options.audit ?? memoryAuditLog(),
    policies: memoryPolicyShelf(),
  }
  const tree: readonly (readonly [string, ScopeLevel])[] = [
    ['acme', 'organisation'],
    ['acme/web', 'business-unit'],
    ['acme/web/ada', 'developer'],
    ['acme/ops', 'business-unit'],
    ['acme/ops/bob', 'developer'],
  ]
  for (const [path, level] of tree) await scopes.add({ path, level, createdAt: clock.now() })
  const secrets: string[] = ['CANARY']
  const issue = async (scope: string): Promise<KeyRecord> => {
    const made = await issued.issue({ scope, expiresAt: clock.now() + 86_400_000 })
    if (made.kind !== 'issued') throw new Error(made.kind)
    secrets.push(made.key, made.jwt, ...made.record.secrets.map(({ hash }) => hash))
    return made.record
  }
  const keys = { own: await issue('acme/web/ada'), foreign: await issue('acme/ops/bob'), above: await issue('acme') }
  const subjects = {
    own: { scope: 'acme/web' },
    foreign: { scope: 'acme/ops' },
    above: { scope: 'acme' },
    tagged: { tag: { name: 'repository', value: 'acme/payments' } },
  }
  for (const [name, subject] of Object.entries(subjects)) {
    const common = { name, subject, createdAt: clock.now(), version: 1 }
    await stores.budgets.define({
      ...common,
      id: `bg_${name}`,
      unit: 'nano-usd',
      amount: 5_000_000_000n,
      window: { kind: 'month', timeZone: 'UTC' },
      thresholds: [80],
      hardPercent: 110,
      isStrict: false,
      action: 'block',
      sharing: 'pool',
      raises: [],
    })
    await stores.rates.define({
      ...common,
      id: `lm_${name}`,
      each: 'all',
      unit: 'requests',
      amount: 60,
      perMillis: 60_000,
      consistency: 'shared',
      queueMillis: 0,
    })
  }
  for (const rule of firstRules)
    await publishPolicy({
      shelf: stores.policies,
      policy: { version: 1, rules: [rule] },
      expected: (await stores.policies.current())?.version,
      at: clock.now(),
      actor: 'start',
    })
  for (const [developer, unit, key] of [
    ['ada', 'web', keys.own],
    ['bob', 'ops', keys.foreign],
  ] as const) {
    await stores.ledger.append(
      sampleEntry({
        exchangeId: `ex_${developer}`,
        labels: { session: `session-of-${developer}`, developer, repository: `acme/${unit}` },
        parts: [{ costNanoUsd: 2_000_000n, freshInputTokens: 10, cacheReadTokens: 90, outputTokens: 5 }],
        principal: {
          keyId: key.id,
          developer,
          scopes: [
            { path: 'acme', level: 'organisation' },
            { path: `acme/${unit}`, level: 'business-unit' },
            { path: `acme/${unit}/${developer}`, level: 'developer' },
          ],
        },
      }),
    )
  }
  const tokens: AdminToken[] = []
  for (const role of adminRoles)
    for (const isBounded of [false, true])
      tokens.push({
        name: `${role}-${isBounded ? 'bounded' : 'free'}`,
        role,
        tokenHash: await hashAdminToken(tokenOf(role, isBounded)),
        ...(isBounded && { scope: bound }),
      })
  const failures: string[] = []
  const api = adminApi({
    stores,
    tokens: options.tokens ?? tokens,
    clock,
    gateway: { version: '0.0.0', authentication: 'key', isRehearsal: false },
    onFailure: (what) => void failures.push(what),
    ...(options.localRole !== undefined && { localRole: options.localRole }),
    ...(options.upstreams !== undefined && { upstreams: options.upstreams }),
    ...(options.pricing !== undefined && { pricing: options.pricing }),
    ...(options.onPolicyPublished !== undefined && { onPolicyPublished: options.onPolicyPublished }),
  })
  const call: World['call'] = async ({ method, path, body, headers }, role = 'admin', isBounded = false) => {
    const request = new Request(`http://gateway.example/admin/v1/${path}`, {
      method,
      headers: { authorization: `Bearer ${tokenOf(role, isBounded)}`, ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const response = await api.fetch(request)
    const text = await response.text()
    return { status: response.status, text, body: JSON.parse(text) as Readonly<Record<string, unknown>>, headers: response.headers }
  }
  return { api, stores, clock, keys, secrets, failures, call }
}

/** One operation of the OpenAPI document. */
export interface Operation {
  readonly name: string
  readonly method: string
  readonly path: string
  /** Checks a success against the document; throws where it does not match. */
  readonly checkAnswer: (body: unknown) => void
}

/** The operations of a document, with a check of their answers made from the document itself. */
export function operationsOf({ openapi }: AdminApi): readonly Operation[] {
  type Described = { operationId: string; responses: Record<string, { content?: { 'application/json': { schema: object } } }> }
  const paths = openapi['paths'] as Readonly<Record<string, Readonly<Record<string, Described>>>>
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { operationId, responses }]) => {
      const success = Object.entries(responses).find(([status]) => status.startsWith('2'))?.[1]
      const schema = z.fromJSONSchema((success?.content?.['application/json'].schema ?? {}) as Parameters<typeof z.fromJSONSchema>[0])
      return { name: operationId, method: method.toUpperCase(), path, checkAnswer: (body: unknown) => void schema.parse(body) }
    }),
  )
}
