import { manualClock } from '@sluice/core/testing'
import { describe, expect, test } from 'vitest'
import { idempotency } from '../src/idempotency.ts'
import type { Answer } from '../src/route.ts'
import { newWorld } from './world.ts'

const key = { 'idempotency-key': 'b7c0' }

describe('an idempotency key', () => {
  test('repeats the answer of the same write, of racing ones too, and writes once', async () => {
    const { call, stores } = await newWorld()
    const set = { method: 'POST', path: 'budgets', body: { subject: { scope: 'acme' }, amount: '1', window: { kind: 'day' } }, headers: key }
    const [first, racing] = await Promise.all([call(set), call(set)])
    const again = await call(set)
    expect([first.status, racing, again]).toMatchObject([201, { status: 201, body: first.body }, { status: 201, body: first.body }])
    expect((await stores.audit.read({})).length).toBe(1)
  })

  test('refuses another body, another caller has keys of his own, and so has another route', async () => {
    const { call } = await newWorld()
    const add = { method: 'POST', path: 'scopes', body: { path: 'acme/web/x' }, headers: key }
    expect((await call(add)).status).toBe(201)
    expect((await call({ ...add, body: { path: 'acme/web/y' } })).status).toBe(422)
    expect((await call({ ...add, body: { path: 'acme/web/y' } }, 'admin', true)).status).toBe(201)
    expect((await call({ method: 'POST', path: 'keys', body: { scope: 'acme' }, headers: key })).status).toBe(201)
    expect((await call({ ...add, headers: { 'idempotency-key': 'with space' } })).status).toBe(400)
  })

  test('never keeps a key that was shown: repeating its issue tells its id, and issues nothing', async () => {
    const { call, stores } = await newWorld()
    const issue = { method: 'POST', path: 'keys', body: { scope: 'acme/web' }, headers: key }
    const first = await call(issue)
    const again = await call(issue)
    expect([first.status, again.status, again.text]).toEqual([201, 409, expect.stringContaining(String(first.body['id']))])
    expect(again.text).not.toContain(String(first.body['key']).slice(-20))
    expect((await stores.keyRing.list({})).length).toBe(4)
  })

  test('is forgotten with a write that failed, so that it can be tried again', async () => {
    const { call } = await newWorld()
    const add = { method: 'POST', path: 'scopes', body: { path: 'beta/x/y' }, headers: key }
    expect((await call(add)).status).toBe(409)
    await call({ method: 'POST', path: 'scopes', body: { path: 'beta/x', parents: true } })
    expect((await call(add)).status).toBe(201)
  })

  test('is kept for a day, and among at most so many', async () => {
    const clock = manualClock()
    const memory = idempotency({ clock, maxKeys: 3, keepMillis: 1_000 })
    let writes = 0
    const write = (name: string): Promise<Answer> => memory.once(name, 'ada', 'POST x', {}, () => Promise.resolve({ body: { write: (writes += 1) } }))
    await write('a')
    await write('a')
    expect(writes).toBe(1)
    clock.advance(1_000)
    await write('a')
    expect(writes).toBe(2)
    for (const name of ['b', 'c', 'd']) await write(name)
    await write('d')
    await write('a')
    expect(writes).toBe(6)
  })
})
