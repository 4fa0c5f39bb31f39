import { describe, expect, test } from 'vitest'
import { adminApi } from '../src/admin-api.ts'
import { hashAdminToken, tokenCheck } from '../src/admin-token.ts'
import { maxBodyBytes } from '../src/request-input.ts'
import { samples } from './samples.ts'
import { newWorld, operationsOf, type TestAnswer } from './world.ts'

const errorOf = ({ status, body }: TestAnswer): string => {
  const { type, message } = (body['error'] ?? {}) as { type?: string; message?: string }
  return `${status} ${type ?? ''}: ${message ?? ''}`
}

const hash = await hashAdminToken('CANARY-token-admin-free')

describe('who comes in', () => {
  test.each([
    ['no token', undefined],
    ['another token', 'Bearer CANARY-token-admin-other'],
    ['two tokens in one header', 'Bearer CANARY-token-admin-free, Bearer x'],
    ['a token under another scheme', 'Basic CANARY-token-admin-free'],
    ['the hash in place of the token', `Bearer ${hash}`],
    ['a token beyond all measure', `Bearer ${'x'.repeat(10_000)}`],
  ])('%s is refused', async (_, authorization) => {
    const { api } = await newWorld()
    const response = await api.fetch(new Request('http://gateway.example/admin/v1/gateway', { headers: authorization === undefined ? {} : { authorization } }))
    expect([response.status, response.headers.get('www-authenticate')]).toEqual([401, 'Bearer'])
    expect(await response.text()).not.toContain('CANARY')
  })

  test.each([
    ['another web site', { origin: 'https://evil.example' }, 403],
    ['a page without an origin', { origin: 'null' }, 403],
    ["another site's navigation", { 'sec-fetch-site': 'cross-site' }, 403],
    ["a neighbour's page", { 'sec-fetch-site': 'same-site' }, 403],
    ['the own origin', { origin: 'http://gateway.example', 'sec-fetch-site': 'same-origin' }, 200],
    ['the own origin behind a proxy that ends TLS', { origin: 'https://gateway.example' }, 200],
  ])('a request of %s is answered %j with %d', async (_, headers, status) => {
    const { call } = await newWorld()
    expect((await call({ method: 'GET', path: 'gateway', headers })).status).toBe(status)
  })

  test('a local caller without a token may do what localRole says, and only where the adapter vouches for it', async () => {
    const { api } = await newWorld({ tokens: [], localRole: 'read' })
    const ask = async (isLocal: boolean, method = 'GET', path = 'gateway'): Promise<number> =>
      (
        await api.fetch(
          new Request(`http://localhost/admin/v1/${path}`, {
            method,
            ...(method === 'POST' && { body: '{"path":"x"}', headers: { 'content-type': 'application/json' } }),
          }),
          { isLocal },
        )
      ).status
    expect([await ask(true), await ask(false), await ask(true, 'POST', 'scopes')]).toEqual([200, 403, 403])
  })

  test('tokens that are not usable, or none at all, fail the build', async () => {
    const { stores, clock } = await newWorld()
    const tokenHash = await hashAdminToken('a')
    expect(() => adminApi({ stores, clock, tokens: [], gateway: { version: '0', authentication: 'key', isRehearsal: false } })).toThrow('tokens: is empty')
    expect(() => tokenCheck([{ name: 'a b', tokenHash, role: 'read' }])).toThrow('tokens[0].name')
    expect(() => tokenCheck([{ name: 'a', tokenHash: 'plain', role: 'read' }])).toThrow('tokens[0].tokenHash')
    expect(() => tokenCheck([{ name: 'a', tokenHash, role: 'root' as 'read' }])).toThrow('tokens[0].role')
    expect(() => tokenCheck([{ name: 'a', tokenHash, role: 'read', scope: '/acme' }])).toThrow('tokens[0].scope')
    expect(() =>
      tokenCheck([
        { name: 'a', tokenHash, role: 'read' },
        { name: 'b', tokenHash, role: 'read' },
      ]),
    ).toThrow('tokens[1]')
  })
})

describe('paths and ids', () => {
  test.each([
    ['GET', 'keys/', 404],
    ['GET', 'keys/%61bc', 404],
    ['GET', 'keys/..%2fkeys', 404],
    ['GET', 'keys/a%252fb', 404],
    ['GET', 'KEYS', 404],
    ['GET', 'budgets/bg_own/', 404],
    ['GET', 'budgets/BG_OWN', 404],
    ['GET', 'budgets/constructor', 404],
    ['PUT', 'budgets/status', 405],
    ['DELETE', 'budgets/effective', 405],
    ['PATCH', 'budgets/bg_own', 405],
    ['POST', 'report', 405],
    ['GET', 'nothing', 404],
  ])('%s %s is %d: ids are opaque, compared as they stand, never decoded', async (method, path, status) => {
    const { call } = await newWorld()
    expect((await call({ method, path })).status).toBe(status)
  })

  test('percent signs in a query are decoded once', async () => {
    const { call } = await newWorld()
    expect((await call({ method: 'GET', path: 'scope?path=acme%2Fweb' })).body).toMatchObject({ path: 'acme/web' })
    expect((await call({ method: 'GET', path: 'scope?path=acme%252Fweb' })).status).toBe(404)
  })

  test('a whole key where its id belongs is not said back', async () => {
    const { call, secrets } = await newWorld()
    const key = secrets.find((text) => text.startsWith('sluice_')) ?? ''
    const answer = await call({ method: 'GET', path: `keys/${key}` })
    expect([answer.status, answer.text.includes(key)]).toEqual([404, false])
  })
})

describe('bodies and queries', () => {
  const post = { method: 'POST', path: 'scopes' }
  test.each([
    ['an unknown field', { ...post, body: { path: 'acme/x', levle: 'developer' } }, '400 invalid_request_error: "levle" is not a field of the body here.'],
    [
      'an unknown field within',
      { method: 'POST', path: 'keys', body: { scope: 'acme', restrictions: { modles: ['x'] } } },
      '"modles" is not a field of "restrictions" here.',
    ],
    ['a field of the wrong kind', { ...post, body: { path: 7 } }, '400 invalid_request_error: path:'],
    ['no JSON', { ...post, body: '{' }, '400 invalid_request_error: The body is not JSON.'],
    ['an array', { ...post, body: [] }, '400 invalid_request_error: The body: '],
    ['another content type', { ...post, body: '{}', headers: { 'content-type': 'text/plain' } }, '415 invalid_request_error'],
    ['a coded body', { ...post, body: '{}', headers: { 'content-encoding': 'gzip' } }, '415 invalid_request_error'],
    ['a body beyond the cap', { ...post, body: JSON.stringify({ path: 'x'.repeat(maxBodyBytes) }) }, '413 request_too_large'],
    [
      'an unknown parameter',
      { method: 'GET', path: 'keys?udner=acme' },
      '400 invalid_request_error: "udner" is not a parameter here. There are under, after, limit.',
    ],
    ['a parameter twice', { method: 'GET', path: 'keys?limit=1&limit=2' }, '400 invalid_request_error: limit: is given 2 times.'],
    ['a limit beyond the cap', { method: 'GET', path: 'keys?limit=1001' }, 'limit: give a number from 1 to 1000.'],
    [
      'a budget of nothing',
      { method: 'POST', path: 'budgets', body: { subject: {}, amount: '5', window: { kind: 'day' } } },
      'subject: name at least one of scope, key, tag, model.',
    ],
    [
      'a budget of a fraction',
      { method: 'POST', path: 'budgets', body: { subject: { scope: 'acme' }, amount: '0.5', window: { kind: 'day' } } },
      'amount: give a whole number above 0 as text.',
    ],
    [
      'what only core can tell',
      { method: 'POST', path: 'budgets', body: { subject: { scope: 'acme' }, amount: '5', window: { kind: 'day', timeZone: 'Mars/Olympus' } } },
      '400 invalid_request_error: budget.window.timeZone',
    ],
    [
      'a network that is none',
      { method: 'POST', path: 'keys', body: { scope: 'acme', restrictions: { networks: ['10.0.0.0/99'] } } },
      '400 invalid_request_error: ',
    ],
    [
      'an instant that has passed',
      { method: 'POST', path: 'keys', body: { scope: 'acme', expiresAt: '2020-01-01T00:00:00Z' } },
      'expiresAt: lies in the past.',
    ],
    ['an unknown dimension', { method: 'GET', path: 'report?groupBy=sesion' }, 'groupBy: "sesion" is not one of day, hour, session,'],
    ['a filter that is none', { method: 'GET', path: 'report?where=day=2026-11-24' }, 'is not a filter'],
    ['an unknown time zone', { method: 'GET', path: 'report?timeZone=Mars' }, 'timeZone: "Mars" is not known'],
    ['an instant that is none', { method: 'GET', path: 'report?since=soon' }, 'since: "soon" is not an instant'],
    ['one dimension twice', { method: 'GET', path: 'report?where=session=a&where=session=b' }, 'where: session is given twice'],
  ])('%s is refused by name: %j', async (_, asked, expected) => {
    const { call, failures } = await newWorld()
    expect(errorOf(await call(asked))).toContain(expected)
    expect(failures).toEqual([])
  })

  test('a body in pieces is counted as it comes', async () => {
    const { api } = await newWorld()
    let sent = 0
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        sent += 65_536
        controller.enqueue(new Uint8Array(65_536))
      },
    })
    const request = new Request('http://gateway.example/admin/v1/scopes', {
      method: 'POST',
      headers: { authorization: 'Bearer CANARY-token-admin-free', 'content-type': 'application/json' },
      body,
      duplex: 'half',
    })
    expect((await api.fetch(request)).status).toBe(413)
    expect(sent).toBeLessThan(2 * maxBodyBytes)
  })

  test("a body that breaks off is the caller's, not the operator's", async () => {
    const { api, failures } = await newWorld()
    const body = new ReadableStream<Uint8Array>({ pull: () => Promise.reject(new Error('reset')) })
    const headers = { authorization: 'Bearer CANARY-token-admin-free', 'content-type': 'application/json' }
    const response = await api.fetch(new Request('http://gateway.example/admin/v1/scopes', { method: 'POST', headers, body, duplex: 'half' }))
    expect([response.status, failures]).toEqual([400, []])
  })

  test('a store that fails is told to the operator, and its words to nobody', async () => {
    const world = await newWorld()
    const broken = adminApi({
      stores: { ...world.stores, keyRing: { ...world.stores.keyRing, list: () => Promise.reject(new Error('CANARY at 10.0.0.1')) } },
      tokens: [{ name: 'a', role: 'read', tokenHash: await hashAdminToken('t') }],
      clock: world.clock,
      gateway: { version: '0', authentication: 'key', isRehearsal: false },
    })
    const response = await broken.fetch(new Request('http://x/admin/v1/keys', { headers: { authorization: 'Bearer t' } }))
    expect([response.status, await response.text()]).toEqual([500, expect.not.stringContaining('CANARY')])
  })
})

describe('pages', () => {
  test('follow each other without a gap or a repeat, and the last has no next', async () => {
    const { call } = await newWorld()
    const paths: string[] = []
    let after = ''
    let pages = 0
    for (;;) {
      const { body } = await call({ method: 'GET', path: `scopes?limit=2${after === '' ? '' : `&after=${encodeURIComponent(after)}`}` })
      const { scopes, next } = body as { scopes: readonly { path: string }[]; next: string | null }
      paths.push(...scopes.map(({ path }) => path))
      pages += 1
      if (next === null) break
      after = next
    }
    expect([pages, paths]).toEqual([3, ['acme', 'acme/ops', 'acme/ops/bob', 'acme/web', 'acme/web/ada']])
  })

  test('of budgets hold what the token sees, and no empty rest', async () => {
    const { call } = await newWorld()
    const { body } = await call({ method: 'GET', path: 'budgets?limit=1' }, 'read', true)
    expect(body).toMatchObject({ budgets: [{ id: 'bg_own' }], next: null })
    expect((await call({ method: 'GET', path: 'budgets?limit=2&after=bg_above' })).body).toMatchObject({
      budgets: [{ id: 'bg_foreign' }, { id: 'bg_own' }],
      next: 'bg_own',
    })
  })
})

describe('R21: secrets', () => {
  test('no key, token, hash or pepper is in any answer but the one that issues it, nor in the audit log', async () => {
    const world = await newWorld()
    const { call, api, stores } = world
    const leaky: string[] = []
    const shown: string[] = []
    for (const { name } of operationsOf(api)) {
      const sample = samples[name]?.call(world, 'own')
      if (sample === undefined) throw new Error(name)
      const answer = await call(sample)
      if (name === 'keys.issue' || name === 'keys.rotate') shown.push(String(answer.body['key']), String(answer.body['jwt']))
      if (world.secrets.some((secret) => answer.text.includes(secret))) leaky.push(name)
    }
    for (const { name } of operationsOf(api)) {
      const answer = await call(samples[name]?.call(world, 'above') ?? { method: 'GET', path: 'gateway' })
      if ([...world.secrets, ...shown].some((secret) => answer.text.includes(secret))) leaky.push(name)
    }
    const kept = JSON.stringify(await stores.audit.read({ limit: 1_000 }))
    expect([leaky, shown.length, shown.filter((secret) => kept.includes(secret)), kept.includes('CANARY')]).toEqual([[], 4, [], false])
  })
})
