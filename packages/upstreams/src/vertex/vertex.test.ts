import { ConfigurationError } from '@sluice/core'
import { exportPKCS8, generateKeyPair, jwtVerify, type CryptoKey } from 'jose'
import { beforeAll, describe, expect, it } from 'vitest'
import { asFrame, messagesBody, now, streamEvents, textOf, upstreamBench, type UpstreamBench } from '../../test/upstream-bench.ts'
import { vertex, type VertexOptions } from './vertex.ts'

const email = 'gateway@my-project.iam.gserviceaccount.com'
const frames = streamEvents.map(asFrame)
let publicKey: CryptoKey
let privateKey: string

beforeAll(async () => {
  const pair = await generateKeyPair('RS256', { extractable: true })
  publicKey = pair.publicKey
  privateKey = await exportPKCS8(pair.privateKey)
})

/** A Google that hands out tokens to whoever signs as it asks. */
interface FakeGoogle {
  readonly fetch: typeof globalThis.fetch
  readonly assertions: string[]
  clock: number
  isDown: boolean
}

function fakeGoogle(): FakeGoogle {
  const google: FakeGoogle = {
    assertions: [],
    clock: now,
    isDown: false,
    fetch: async (input, init) => {
      expect(input).toBe('https://oauth2.googleapis.com/token')
      expect(init?.redirect).toBe('manual')
      if (google.isDown) return new Response('{"error":"backend-canary"}', { status: 503 })
      const form = new URLSearchParams(init?.body as string)
      expect(form.get('grant_type')).toBe('urn:ietf:params:oauth:grant-type:jwt-bearer')
      const assertion = form.get('assertion') ?? ''
      google.assertions.push(assertion)
      const { payload, protectedHeader } = await jwtVerify(assertion, publicKey, {
        issuer: email,
        audience: 'https://oauth2.googleapis.com/token',
        currentDate: new Date(google.clock),
      })
      expect(protectedHeader).toEqual({ alg: 'RS256', typ: 'JWT', kid: 'key-1' })
      expect(payload).toMatchObject({ scope: 'https://www.googleapis.com/auth/cloud-platform', exp: (payload.iat as number) + 3600 })
      return Response.json({ access_token: `ya29.token-${google.assertions.length}`, expires_in: 3600, token_type: 'Bearer' })
    },
  }
  return google
}

function bench(reply: Parameters<typeof upstreamBench>[1], options: Partial<VertexOptions> = {}): UpstreamBench {
  return upstreamBench(vertex({ project: 'my-project', region: 'us-east5', accessToken: 'ya29.static', ...options }), reply)
}

const streamed = { headers: [['content-type', 'text/event-stream']] as const, body: frames }

describe('vertex', () => {
  it('H8: names model and version where Vertex wants them, and passes everything else and the stream byte for byte', async () => {
    const { send } = bench(streamed)
    const body = '{"model":"claude-sonnet-4-5-20250929", "stream":true,"n":1.0,"messages":[]}'
    const { request, sink, settlement } = await send({
      body,
      headers: [
        ['anthropic-version', '2023-06-01'],
        ['anthropic-beta', 'interleaved-thinking-2025-05-14'],
        ['x-goog-user-project', 'theirs'],
      ],
    })
    expect(request?.origin).toBe('https://us-east5-aiplatform.googleapis.com')
    expect(request?.path).toBe('/v1/projects/my-project/locations/us-east5/publishers/anthropic/models/claude-sonnet-4-5@20250929:streamRawPredict')
    expect(textOf(request?.body ?? [])).toBe('{"anthropic_version":"vertex-2023-10-16","stream":true,"n":1.0,"messages":[]}')
    const headers = (request?.headers ?? []).filter(([name]) => /^(?:anthropic|x-goog|authorization|x-api)/.test(name))
    expect(headers).toEqual([
      ['anthropic-beta', 'interleaved-thinking-2025-05-14'],
      ['authorization', 'Bearer ya29.static'],
    ])
    expect(sink.text()).toBe(frames.join(''))
    expect(settlement).toMatchObject({ outcome: { kind: 'completed' }, resolvedModel: messagesBody.model, usage: { source: 'final' } })
    expect(settlement.proof.patches.map(({ name }) => name)).toEqual(['vertex:anthropic_version', 'vertex:model'])
  })

  it.each([
    ['global', 'https://aiplatform.googleapis.com'],
    ['us', 'https://aiplatform.us.rep.googleapis.com'],
    ['eu', 'https://aiplatform.eu.rep.googleapis.com'],
    ['europe-west1', 'https://europe-west1-aiplatform.googleapis.com'],
  ])('is at its own host in %s', async (region, origin) => {
    const { request } = await bench(streamed, { region }).send({ body: JSON.stringify({ ...messagesBody, stream: false }) })
    expect(request?.origin).toBe(origin)
    expect(request?.path).toContain(`/locations/${region}/publishers/anthropic/models/claude-sonnet-4-5@20250929:rawPredict`)
  })

  it.each([
    ['claude-opus-5-5', 'claude-opus-5-5'],
    ['claude-sonnet-4-5@20250929', 'claude-sonnet-4-5@20250929'],
    ['claude-3-5-sonnet-20241022', 'claude-3-5-sonnet-v2@20241022'],
  ])('knows %s as %s', async (model, id) => {
    const { request } = await bench(streamed, { models: { 'claude-3-5-sonnet-20241022': 'claude-3-5-sonnet-v2@20241022' } }).send({
      body: JSON.stringify({ ...messagesBody, model }),
    })
    expect(request?.path).toContain(`/models/${id}:streamRawPredict`)
  })

  it.each(['../../x', 'a/b', 'm:predict', '..', 'm?x=1', 'm#'])('never lets a model (%s) become another path', async (model) => {
    const { send, transport } = bench(streamed)
    expect((await send({ body: JSON.stringify({ ...messagesBody, model }) })).sink.status).toBe(404)
    expect(transport.calls).toHaveLength(0)
  })

  it('H1: counts tokens on its own route, the model in the body', async () => {
    const { send } = bench({ headers: [['content-type', 'application/json']], body: ['{"input_tokens":7}'] })
    const { request, sink } = await send({ target: '/v1/messages/count_tokens?beta=true', body: '{"model":"claude-sonnet-4-5-20250929","messages":[]}' })
    expect(request?.path).toBe('/v1/projects/my-project/locations/us-east5/publishers/anthropic/models/count-tokens:rawPredict')
    expect(textOf(request?.body ?? [])).toBe('{"anthropic_version":"vertex-2023-10-16","model":"claude-sonnet-4-5@20250929","messages":[]}')
    expect(sink.text()).toBe('{"input_tokens":7}')
  })

  it("F9: says Google's errors in the envelope without the project, and the API's own byte for byte", async () => {
    const message = 'Quota exceeded for projects/123456789012/locations/us-east5 by gateway@my-project.iam.gserviceaccount.com.'
    const google = await bench({
      status: 429,
      headers: [['content-type', 'application/json']],
      body: [JSON.stringify([{ error: { code: 429, message, status: 'RESOURCE_EXHAUSTED' } }])],
    }).send()
    expect(JSON.parse(google.sink.text())).toEqual({
      type: 'error',
      error: { type: 'rate_limit_error', message: 'Quota exceeded for projects/(project)/locations/us-east5 by (service account).' },
    })
    const own = '{"type":"error","error":{"type":"invalid_request_error","message":"max_tokens: Field required"}}'
    expect((await bench({ status: 400, headers: [['content-type', 'application/json']], body: [own] }).send()).sink.text()).toBe(own)
  })

  it('gets one token however many ask, and renews it before it ends', async () => {
    const google = fakeGoogle()
    const account = { client_email: email, private_key: privateKey, private_key_id: 'key-1', token_uri: 'http://169.254.169.254/' }
    const { send } = upstreamBench(vertex({ project: 'p', region: 'global', serviceAccount: account, fetch: google.fetch, now: () => google.clock }), streamed)
    const tokens = async (): Promise<string | undefined> => (await send()).request?.headers.find(([name]) => name === 'authorization')?.[1]
    await Promise.all([tokens(), tokens(), tokens()])
    expect(google.assertions).toHaveLength(1)
    expect(await tokens()).toBe('Bearer ya29.token-1')
    google.clock += 56 * 60_000
    expect(await tokens()).toBe('Bearer ya29.token-2')
    // In an outage of Google's, the old one is good until it ends.
    google.clock += 57 * 60_000
    google.isDown = true
    expect(await tokens()).toBe('Bearer ya29.token-2')
    google.isDown = false
    expect(await tokens()).toBe('Bearer ya29.token-3')
  })

  it('tells the operator, and not the client, that it gets no token', async () => {
    const google = fakeGoogle()
    google.isDown = true
    const account = { client_email: email, private_key: privateKey, private_key_id: 'key-1' }
    const { send, faults } = upstreamBench(vertex({ project: 'p', region: 'global', serviceAccount: account, fetch: google.fetch }), streamed)
    const { sink } = await send()
    expect(sink.status).toBe(503)
    expect(sink.text()).not.toContain('canary')
    expect(faults.map(({ cause }) => String((cause as Error).cause))).toEqual(['Error: the token endpoint answered 503: backend-canary'])
  })

  it.each([
    { region: 'evil.example/' },
    { project: 'a/b' },
    { accessToken: undefined },
    { accessToken: 'line\nbreak' },
    { serviceAccount: { client_email: email, private_key: 'both' } },
    { accessToken: undefined, serviceAccount: { client_email: 'nobody', private_key: '-----BEGIN PRIVATE KEY-----' } },
    { accessToken: undefined, serviceAccount: { client_email: email, private_key: '-----BEGIN RSA PRIVATE KEY-----' } },
  ])('is refused at build with %o', (options) => {
    expect(() => vertex({ project: 'p', region: 'global', accessToken: 't', ...(options as object) })).toThrow(ConfigurationError)
  })
})
