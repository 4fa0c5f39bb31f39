import { auditTrail, type AuditLog } from '@sluice/core'
import { memoryAuditLog, memoryBudgetBook } from '@sluice/storage-memory'
import { describe, expect, test } from 'vitest'
import { newWorld, type TestCall, type World } from './world.ts'

/** An audit log that can be taken away. */
function breakableLog(): { readonly log: AuditLog; isBroken: boolean } {
  const log = memoryAuditLog()
  const state = {
    log: { ...log, append: (record: Parameters<AuditLog['append']>[0]) => (state.isBroken ? Promise.reject(new Error('disk full')) : log.append(record)) },
    isBroken: false,
  }
  return state
}

const recordsOf = async ({ stores }: Pick<World, 'stores'>): Promise<readonly string[]> =>
  (await stores.audit.read({ limit: 1_000 })).map(
    ({ actor, action, subject, reason }) => `${actor} ${action} ${subject}${reason === undefined ? '' : ` (${reason})`}`,
  )

describe('every change is recorded: who, what, before, after, why', () => {
  test('in order, in a chain that verifies', async () => {
    const world = await newWorld()
    const { call, stores, keys } = world
    await call({ method: 'POST', path: 'scopes', body: { path: 'acme/web/eve', level: 'developer' } })
    const issued = await call({ method: 'POST', path: 'keys', body: { scope: 'acme/web/eve', reason: 'new here' } }, 'operate', true)
    await call({ method: 'PUT', path: 'budgets/bg_own', body: { subject: { scope: 'acme/web' }, amount: '7', window: { kind: 'day' }, reason: 'less' } })
    await call({ method: 'POST', path: `keys/${keys.own.id}/revoke`, body: { reason: 'left', isLeaked: true } })
    expect(await recordsOf(world)).toEqual([
      'admin-free scope.add scope:acme/web/eve',
      `operate-bounded key.issue key:${String(issued.body['id'])} (new here)`,
      'admin-free budget.define budget:bg_own (less)',
      `admin-free key.revoke key:${keys.own.id} (left)`,
    ])
    const [, , defined] = await stores.audit.read({})
    expect(JSON.parse(defined?.content ?? '')).toMatchObject({ before: { amount: '5000000000', version: 1 }, after: { amount: '7', version: 2 } })
    expect(await auditTrail({ log: stores.audit }).verify()).toMatchObject({ kind: 'intact', records: 4 })
    expect((await call({ method: 'GET', path: 'audit?subject=budget:bg_own' })).body).toMatchObject({
      records: [{ action: 'budget.define', actor: 'admin-free', content: { after: { amount: '7' } } }],
    })
  })

  test('an attacker who cuts the end off is found by the last record that a check told before', async () => {
    const { call, stores } = await newWorld()
    for (const name of ['x', 'y']) await call({ method: 'POST', path: 'scopes', body: { path: `acme/${name}` } })
    const { last, ...rest } = (await call({ method: 'GET', path: 'audit/verify' })).body
    expect([rest, last]).toEqual([
      { kind: 'intact', records: 2 },
      { sequence: 2, hash: (await stores.audit.last())?.hash },
    ])
    const read = stores.audit.read
    const cut = await newWorld({ audit: { ...stores.audit, read: async (query) => (await read(query)).filter(({ sequence }) => sequence < 2) } })
    expect((await cut.call({ method: 'GET', path: 'audit/verify' })).body).toMatchObject({ kind: 'intact', records: 1, last: { sequence: 1 } })
  })

  test('a broken chain is told, and where', async () => {
    const { call, stores } = await newWorld()
    await call({ method: 'POST', path: 'scopes', body: { path: 'acme/x' } })
    const read = stores.audit.read
    const forged = await newWorld({
      audit: { ...stores.audit, read: async (query) => (await read(query)).map((record) => ({ ...record, actor: 'somebody else' })) },
    })
    expect((await forged.call({ method: 'GET', path: 'audit/verify' })).body).toMatchObject({ kind: 'broken', sequence: 1 })
  })
})

describe('an audit log that cannot be written', () => {
  const changes: readonly (readonly [string, (world: World) => TestCall])[] = [
    ['a scope', () => ({ method: 'POST', path: 'scopes', body: { path: 'acme/x' } })],
    ['a key', () => ({ method: 'POST', path: 'keys', body: { scope: 'acme/web' } })],
    ['a rotation', ({ keys }) => ({ method: 'POST', path: `keys/${keys.own.id}/rotate`, body: {} })],
    ['a budget', () => ({ method: 'POST', path: 'budgets', body: { subject: { scope: 'acme' }, amount: '1', window: { kind: 'day' } } })],
    ['a raise', () => ({ method: 'POST', path: 'budgets/bg_own/raises', body: { amount: '1', until: '2027-01-01T00:00:00Z', reason: 'x' } })],
    ['the end of a budget', () => ({ method: 'DELETE', path: 'budgets/bg_own' })],
    ['a limit', () => ({ method: 'POST', path: 'limits', body: { subject: { scope: 'acme' }, unit: 'requests', amount: 1 } })],
    ['the end of a limit', () => ({ method: 'DELETE', path: 'limits/lm_own' })],
  ]

  test.each(changes)('lets %s not happen', async (_, call) => {
    const audit = breakableLog()
    const world = await newWorld({ audit: audit.log })
    audit.isBroken = true
    const usable = async (): Promise<unknown> => [
      await world.stores.scopes.list({}),
      (await world.stores.keyRing.list({})).filter(({ revocation }) => revocation === undefined),
      (await world.stores.budgets.budgets()).map(({ id, version }) => [id, version]),
      await world.stores.rates.limits(),
    ]
    const before = await usable()
    const answer = await world.call(call(world))
    expect([answer.status, answer.text]).toEqual([503, expect.stringContaining('The audit log could not be written')])
    expect(answer.text).not.toContain('sluice_')
    expect(await usable()).toEqual(before)
    expect(world.failures).toHaveLength(1)
  })

  test('does not keep a leaked key alive: it is revoked, and the answer says that this went unrecorded', async () => {
    const audit = breakableLog()
    const world = await newWorld({ audit: audit.log })
    audit.isBroken = true
    const revoke: TestCall = { method: 'POST', path: `keys/${world.keys.own.id}/revoke`, body: { reason: 'leaked', isLeaked: true } }
    const answer = await world.call(revoke)
    expect([answer.status, answer.text]).toEqual([500, expect.stringContaining('Done, but the audit log could not be written.')])
    expect(await world.stores.keyRing.find(world.keys.own.id)).toMatchObject({ revocation: { isLeaked: true } })
    audit.isBroken = false
    expect((await world.call(revoke)).status).toBe(200)
    expect(await recordsOf(world)).toEqual([`admin-free key.revoke key:${world.keys.own.id} (leaked)`])
  })
})

describe('an audit log that never answers', () => {
  test('R22: does not keep a leaked key alive: an attacker who floods it delays a revocation by two seconds at most', async () => {
    const world = await newWorld({ audit: { ...memoryAuditLog(), append: () => new Promise<never>(() => undefined) } })
    const answering = world.call({ method: 'POST', path: `keys/${world.keys.own.id}/revoke`, body: { reason: 'leaked', isLeaked: true } })
    while (world.clock.pendingTimers === 0) await new Promise((resolve) => setTimeout(resolve, 1))
    await world.clock.advanceAsync(2_000)
    expect((await answering).status).toBe(500)
    expect(await world.stores.keyRing.find(world.keys.own.id)).toMatchObject({ revocation: { isLeaked: true } })
    expect(world.clock.pendingTimers).toBe(0)
  })
})

describe('a change that fails after its record', () => {
  test('has a second record that says so', async () => {
    const book = memoryBudgetBook()
    const world = await newWorld({ budgets: { ...book, remove: () => Promise.reject(new Error('CANARY')) } })
    expect((await world.call({ method: 'DELETE', path: 'budgets/bg_own' })).status).toBe(500)
    expect(await recordsOf(world)).toEqual(['admin-free budget.remove budget:bg_own', 'admin-free budget.remove.failed budget:bg_own (The store failed.)'])
  })
})

describe('budgets', () => {
  const body = { subject: { scope: 'acme/web' }, amount: '1000000000', window: { kind: 'day' } }

  test('of one subject, unit and window are one: setting it again changes it and keeps its raises', async () => {
    const { call, stores } = await newWorld()
    const first = await call({ method: 'POST', path: 'budgets', body })
    const id = (first.body['budget'] as { id: string }).id
    await call({ method: 'POST', path: `budgets/${id}/raises`, body: { amount: '5', until: '2026-12-24T00:00:00Z', reason: 'release' } })
    const second = await call({ method: 'POST', path: 'budgets', body: { ...body, amount: '2000000000' } })
    const other = await call({ method: 'POST', path: 'budgets', body: { ...body, window: { kind: 'week' } } })
    expect([first.status, second.status, other.status]).toEqual([201, 200, 201])
    expect(second.body).toMatchObject({
      isNew: false,
      budget: { id, version: 3, amount: '2000000000', amountUsd: '2.000000000', raises: [{ amount: '5', reason: 'release' }] },
    })
    expect((other.body['budget'] as { id: string }).id).not.toBe(id)
    expect((await stores.budgets.budgets()).length).toBe(6)
  })

  test('of a version that is not there any more are refused, and racing ones all arrive', async () => {
    const { call, stores } = await newWorld()
    expect((await call({ method: 'PUT', path: 'budgets/bg_own', body: { ...body, version: 7 } })).status).toBe(409)
    expect((await call({ method: 'PUT', path: 'budgets/bg_new', body: { ...body, version: 0 } })).status).toBe(200 + 1)
    const raises = await Promise.all(
      Array.from({ length: 4 }, (_, at) =>
        call({ method: 'POST', path: 'budgets/bg_own/raises', body: { amount: String(at + 1), until: '2026-12-24T00:00:00Z', reason: `r${at}` } }),
      ),
    )
    expect(raises.map(({ status }) => status)).toEqual([201, 201, 201, 201])
    expect(
      (await stores.budgets.budgets())
        .find(({ id }) => id === 'bg_own')
        ?.raises.map(({ amount }) => amount)
        .toSorted(),
    ).toEqual([1n, 2n, 3n, 4n])
  })

  test('show how they stand, money as text and in dollars', async () => {
    const { call, stores, clock } = await newWorld()
    const month = Date.UTC(2026, 10, 1)
    await stores.budgets.reserve({
      holdId: 'h',
      claims: [{ account: 'bg_own', bucket: month, firstBucket: month, amount: 300_000_000n }],
      expiresAt: clock.now() + 60_000,
    })
    const { body } = await call({ method: 'GET', path: 'budgets/status?scope=acme/web' })
    expect(body).toMatchObject({
      budgets: [
        {
          id: 'bg_own',
          cap: '5000000000',
          capUsd: '5.000000000',
          hardCap: '5500000000',
          held: '300000000',
          heldUsd: '0.300000000',
          spent: '0',
          remaining: '5200000000',
          resetsAt: '2026-12-01T00:00:00.000Z',
        },
      ],
    })
  })

  test('of others cannot be spent by a key: what a key counts against is checked when it is issued', async () => {
    const { call } = await newWorld()
    const issue = (budgets: readonly string[], isBounded: boolean): Promise<{ status: number }> =>
      call({ method: 'POST', path: 'keys', body: { scope: 'acme/web', restrictions: { budgets } } }, 'operate', isBounded)
    expect([
      (await issue(['bg_own'], true)).status,
      (await issue(['bg_foreign'], true)).status,
      (await issue(['bg_tagged'], true)).status,
      (await issue(['bg_foreign'], false)).status,
      (await issue(['bg_none'], false)).status,
    ]).toEqual([201, 404, 404, 201, 404])
  })
})

describe('keys', () => {
  test('end after 90 days unless told otherwise, and never only by the role admin', async () => {
    const { call, clock } = await newWorld()
    const issue = (expiresAt: string | null | undefined, role: 'operate' | 'admin' = 'operate'): ReturnType<typeof call> =>
      call({ method: 'POST', path: 'keys', body: { scope: 'acme/web', ...(expiresAt !== undefined && { expiresAt }) } }, role)
    expect((await issue(undefined)).body['expiresAt']).toBe(new Date(clock.now() + 90 * 86_400_000).toISOString())
    expect([(await issue(null)).status, (await issue(null, 'admin')).body['expiresAt']]).toEqual([400, null])
    // A key without an end in all but name.
    expect([(await issue('9999-12-31T00:00:00Z')).status, (await issue('9999-12-31T00:00:00Z', 'admin')).status]).toEqual([400, 201])
  })

  test('that are issued verify in both presentations until they are revoked', async () => {
    const { call, stores } = await newWorld()
    const { body } = await call({ method: 'POST', path: 'keys', body: { scope: 'acme/web/ada', tags: { team: 'pay' } } })
    for (const presented of [body['key'], body['jwt']])
      expect(await stores.keys.verify(String(presented))).toMatchObject({ keyId: body['id'], developer: 'ada', tags: { team: 'pay' } })
    await call({ method: 'POST', path: `keys/${String(body['id'])}/revoke`, body: { reason: 'left' } })
    await expect(stores.keys.verify(String(body['key']))).rejects.toThrow('revoked')
    expect((await call({ method: 'POST', path: `keys/${String(body['id'])}/rotate`, body: {} })).status).toBe(409)
  })
})

describe('scopes', () => {
  test('come with those above them where asked, each a level deeper, and stay as they are where they are there', async () => {
    const { call } = await newWorld()
    const add = (path: string, more: object = {}): ReturnType<typeof call> => call({ method: 'POST', path: 'scopes', body: { path, ...more } })
    expect((await add('beta/x/y')).status).toBe(409)
    expect((await add('beta/x/zoe', { parents: true, level: 'developer' })).body).toMatchObject({
      added: ['beta', 'beta/x', 'beta/x/zoe'],
      scope: { level: 'developer' },
    })
    expect((await add('beta/x')).body).toMatchObject({ added: [], scope: { level: 'business-unit' } })
    expect((await add('beta/x/zoe/deeper')).status).toBe(400)
    expect((await add('beta/y', { level: 'organisation' })).status).toBe(400)
    expect((await add('beta//y')).status).toBe(400)
  })

  test('that are archived get no keys', async () => {
    const { call } = await newWorld()
    expect((await call({ method: 'POST', path: 'scopes/archive', body: { path: 'acme/web', reason: 'sold' } })).body).toMatchObject({
      archivedAt: '2026-11-24T12:00:00.000Z',
    })
    expect((await call({ method: 'POST', path: 'keys', body: { scope: 'acme/web/ada' } })).status).toBe(409)
  })
})
