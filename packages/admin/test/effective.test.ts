import { describe, expect, test } from 'vitest'
import { newWorld, type TestAnswer } from './world.ts'

const told = ({ body }: TestAnswer): unknown => {
  const { budgets, outside, warnings } = body as {
    budgets: { applies: string; because: string[]; status: { id: string } }[]
    outside: number
    warnings: { code: string }[]
  }
  return { budgets: budgets.map(({ applies, status }) => `${status.id} ${applies}`).toSorted(), outside, warnings: warnings.map(({ code }) => code) }
}

describe('G6: a cap that matches nobody does not pass for a cap', () => {
  test.each([
    [{ scope: 'acme/wbe' }, 'unknown-scope', /There is no scope "acme\/wbe", so this matches nobody until there is\. There are .*"acme\/web"/],
    [{ key: 'ada@acme.example' }, 'unknown-key', /There is no key "ada@acme\.example", so this matches nobody/],
  ])('a budget on %j is set with a warning, and with 0 matches shown', async (subject, code, message) => {
    const { call } = await newWorld()
    const { status, body } = await call({ method: 'POST', path: 'budgets', body: { subject, amount: '1', window: { kind: 'month' } } })
    expect([status, body]).toMatchObject([201, { matches: { keys: 0 }, warnings: [{ code, message: expect.stringMatching(message) as string }] }])
  })

  test('a budget on a scope without keys says so; one that matches says how many', async () => {
    const { call, keys } = await newWorld()
    const set = (subject: object): Promise<TestAnswer> => call({ method: 'POST', path: 'budgets', body: { subject, amount: '1', window: { kind: 'month' } } })
    await call({ method: 'POST', path: 'scopes', body: { path: 'acme/empty' } })
    expect((await set({ scope: 'acme/empty' })).body).toMatchObject({ matches: { keys: 0 }, warnings: [{ code: 'no-keys' }] })
    expect((await set({ scope: 'acme' })).body).toMatchObject({ matches: { keys: 3 }, warnings: [] })
    expect((await set({ key: keys.own.id })).body).toMatchObject({ matches: { keys: 1 }, warnings: [] })
    await call({ method: 'POST', path: `keys/${keys.own.id}/revoke`, body: { reason: 'left' } })
    expect((await set({ key: keys.own.id })).body).toMatchObject({ matches: { keys: 0 }, warnings: [{ code: 'revoked-key' }] })
    expect((await set({ model: 'claude-opus-*' })).body).toMatchObject({ matches: { keys: null }, warnings: [] })
  })

  test('effective budgets of a developer are those of the keys, with the reason of each', async () => {
    const { call, keys } = await newWorld()
    const answer = await call({ method: 'GET', path: 'budgets/effective?developer=ada' })
    expect(told(answer)).toEqual({ budgets: ['bg_above yes', 'bg_own yes', 'bg_tagged depends'], outside: 0, warnings: [] })
    expect(answer.body['keys']).toEqual([keys.own.id])
    expect(answer.text).toContain('the scope acme is above acme/web/ada')
    expect(told(await call({ method: 'GET', path: 'budgets/effective?developer=ada&repository=acme/payments' }))).toMatchObject({
      budgets: ['bg_above yes', 'bg_own yes', 'bg_tagged yes'],
    })
    expect(told(await call({ method: 'GET', path: 'budgets/effective?developer=ada&repository=other' }))).toMatchObject({
      budgets: ['bg_above yes', 'bg_own yes'],
    })
  })

  test('a developer whom no key belongs to is told, and nothing counts', async () => {
    const { call } = await newWorld()
    expect(told(await call({ method: 'GET', path: 'budgets/effective?developer=ada@acme.example' }))).toEqual({
      budgets: [],
      outside: 0,
      warnings: ['unknown-developer'],
    })
    expect(told(await call({ method: 'GET', path: 'budgets/effective?scope=acme/nowhere' }))).toMatchObject({ warnings: ['unknown-scope'] })
    expect((await call({ method: 'GET', path: 'budgets/effective' })).status).toBe(400)
  })

  test('a bounded token is told how many more count, and not which', async () => {
    const { call, keys } = await newWorld()
    const answer = await call({ method: 'GET', path: `budgets/effective?key=${keys.own.id}` }, 'read', true)
    expect(told(answer)).toEqual({ budgets: ['bg_own yes'], outside: 2, warnings: [] })
    expect(answer.text).not.toContain('bg_above')
    expect((await call({ method: 'GET', path: `budgets/effective?key=${keys.foreign.id}` }, 'read', true)).status).toBe(404)
    expect(told(await call({ method: 'GET', path: 'budgets/effective?developer=bob' }, 'read', true))).toMatchObject({
      budgets: [],
      warnings: ['unknown-developer'],
    })
  })
})
