import { describe, expect, it } from 'vitest'
import { policyBench } from '../../test/policy-bench.ts'
import type { KeyRestrictions } from '../ports/key-ring.ts'
import { clientRequest } from '../testing/client-request.ts'
import { collectingSink, type CollectingSink } from '../testing/collecting-sink.ts'
import { scriptedTransport } from '../testing/scripted-transport.ts'
import { createGateway } from '../gateway.ts'
import { swapCredential } from '../route/upstream-credential.ts'
import { headerValue, type HeaderList } from '../wire/header-list.ts'
import type { Policy } from './policy-document.ts'
import { policyRouter } from './policy-router.ts'

const offered = [
  { model: 'claude-opus-5-5', name: 'Claude Opus 5.5', createdAt: '2026-08-01T00:00:00Z' },
  { model: 'claude-haiku-5-5', name: 'Claude Haiku 5.5' },
  { model: 'in-house-claude' },
]
const document: Policy = { version: 1, rules: [], offered }

/** A gateway whose upstream fails: whatever is answered came from the policy. */
async function get(target: string, policy: Policy = document, restrictions?: KeyRestrictions, headers: HeaderList = []) {
  const transport = scriptedTransport([{ status: 200, headers: [['content-type', 'application/json']], body: ['{"of":"upstream"}'] }])
  const gateway = createGateway({ runtime: { transport }, upstreams: [{ name: 'a', baseUrl: 'https://a.test', credential: swapCredential('k') }] })
    .use({
      name: 'principal',
      handle: (_exchange, next) =>
        next({
          principal: { keyId: 'k', developer: 'ada', scopes: [{ path: 'acme', level: 'organisation' as const }], ...(restrictions && { restrictions }) },
        }),
    })
    .route(policyRouter({ upstream: 'a', document: policy }))
  const sink = collectingSink()
  const settlement = await gateway.handle(clientRequest({ method: 'GET', target, headers }), sink)
  const json = JSON.parse(sink.text() || '{}') as { readonly data?: readonly { readonly id: string }[]; readonly has_more?: boolean; readonly type?: string }
  return { sink, settlement, json, ids: json.data?.map(({ id }) => id), calls: transport.calls.length }
}

describe('the list of models', () => {
  it('H3: comes from the policy in the form that Claude Code reads, without a redirect and without an upstream', async () => {
    const { sink, json, calls, settlement } = await get('/v1/models?limit=1000')
    expect([sink.status, sink.headers?.find(([name]) => name === 'content-type')?.[1], calls]).toEqual([200, 'application/json', 0])
    expect(json).toEqual({
      data: [
        { type: 'model', id: 'claude-opus-5-5', display_name: 'Claude Opus 5.5', created_at: '2026-08-01T00:00:00Z' },
        { type: 'model', id: 'claude-haiku-5-5', display_name: 'Claude Haiku 5.5', created_at: '1970-01-01T00:00:00Z' },
        { type: 'model', id: 'in-house-claude', display_name: 'in-house-claude', created_at: '1970-01-01T00:00:00Z' },
      ],
      has_more: false,
      first_id: 'claude-opus-5-5',
      last_id: 'in-house-claude',
    })
    expect(settlement).toMatchObject({ outcome: { kind: 'completed' }, status: 200, cost: { nanoUsd: 0n }, attempts: [] })
  })

  it('H3: leaves out what the caller may not use: by its key, by a stop, by a rule', async () => {
    expect((await get('/v1/models', document, { models: ['claude-opus-*', 'in-house-claude'] })).ids).toEqual(['claude-opus-5-5', 'in-house-claude'])
    const stops = [{ model: 'claude-haiku-*', reason: 'x' }]
    expect((await get('/v1/models', { ...document, stops })).ids).toEqual(['claude-opus-5-5', 'in-house-claude'])
    const rules = ['when scope is acme and model is claude-opus-* deny "too dear"', 'when scope is other deny "no"', 'when input >= 10k deny "too long"']
    expect((await get('/v1/models', { ...document, rules })).ids).toEqual(['claude-haiku-5-5', 'in-house-claude'])
    expect((await get('/v1/models', { ...document, stops: [{ scope: 'acme', reason: 'x' }] })).ids).toEqual([])
  })

  it('H3: has an ETag, which is another one for another caller or policy; who has the same gets 304 without a body', async () => {
    const tagOf = ({ sink }: { readonly sink: CollectingSink }): string => headerValue(sink.headers ?? [], 'etag') ?? ''
    const first = await get('/v1/models?limit=1000')
    const tag = tagOf(first)
    expect([tag, headerValue(first.sink.headers ?? [], 'cache-control')]).toEqual([expect.stringMatching(/^"[0-9a-z]+-[0-9a-f]+"$/), 'private, no-cache'])
    for (const known of [tag, `W/${tag}`, `"other", ${tag}`]) {
      const { sink, settlement, calls } = await get('/v1/models?limit=1000', document, undefined, [['if-none-match', known]])
      expect([sink.status, sink.text(), headerValue(sink.headers ?? [], 'content-length'), calls]).toEqual([304, '', undefined, 0])
      expect([tagOf({ sink }), settlement?.outcome.kind]).toEqual([tag, 'completed'])
    }
    const others = await Promise.all([
      get('/v1/models?limit=1000', document, { models: ['claude-opus-*'] }, [['if-none-match', tag]]),
      get('/v1/models?limit=1000', { ...document, offered: offered.slice(1) }, undefined, [['if-none-match', tag]]),
      get('/v1/models?limit=1000', { ...document, offered: [{ model: 'claude-opus-5-5', description: 'For hard work' }] }, undefined, [['if-none-match', tag]]),
    ])
    expect(others.map(({ sink }) => sink.status)).toEqual([200, 200, 200])
    expect(new Set([tag, ...others.map(tagOf)]).size).toBe(4)
    expect(others[2]?.json.data).toMatchObject([{ id: 'claude-opus-5-5', description: 'For hard work' }])
  })

  it('H3: is that of the upstream where the policy offers nothing', async () => {
    const { json, calls } = await get('/v1/models?limit=1000', { version: 1, rules: [] })
    expect([json, calls]).toEqual([{ of: 'upstream' }, 1])
  })

  it('comes in pages', async () => {
    expect((await get('/v1/models?limit=2')).json).toMatchObject({ has_more: true, last_id: 'claude-haiku-5-5' })
    expect((await get('/v1/models?limit=2&after_id=claude-haiku-5-5')).json).toMatchObject({ has_more: false, first_id: 'in-house-claude' })
    expect((await get('/v1/models?limit=1&before_id=in-house-claude')).json).toMatchObject({ has_more: true, first_id: 'claude-haiku-5-5' })
    expect((await get('/v1/models?limit=none')).sink.status).toBe(400)
  })

  it('tells of one model, and of no other', async () => {
    expect((await get('/v1/models/claude-opus-5-5')).json).toMatchObject({ type: 'model', id: 'claude-opus-5-5' })
    const { sink, json } = await get('/v1/models/claude-opus-5-5', document, { models: ['claude-haiku-*'] })
    expect([sink.status, json]).toMatchObject([404, { type: 'error', error: { type: 'not_found_error' } }])
  })
})

describe('a count of tokens', () => {
  it('H1: is the upstream’s own, whatever the query, and a 404 or 501 comes through as it is', async () => {
    for (const path of ['/v1/messages/count_tokens', '/v1/messages/count_tokens?beta=true']) {
      for (const status of [404, 501]) {
        const bench = policyBench({ document })
        bench.refuseNext(status)
        const { sink, settlement } = await bench.ask({ path })
        expect([sink.status, sink.text(), settlement.usage.source]).toEqual([status, '{"type":"error","error":{"type":"not_found_error"}}', 'none'])
        expect(bench.upstream.calls.map(({ request }) => request.path)).toEqual([path])
      }
    }
  })
})
