import { describe, expect, it } from 'vitest'
import { account, signatureProblem } from '../../test/fake-bedrock.ts'
import { asFrame, messagesBody, now, streamEvents, textOf, upstreamBench, type UpstreamBench } from '../../test/upstream-bench.ts'
import { bedrockMantle, type BedrockMantleOptions } from './bedrock-mantle.ts'

function bench(reply: Parameters<typeof upstreamBench>[1], options: Partial<BedrockMantleOptions> = {}): UpstreamBench {
  const upstream = bedrockMantle({ region: 'eu-west-1', credentials: () => Promise.resolve(account), now: () => now, ...options })
  return upstreamBench(upstream, async (request) => {
    const problem = signatureProblem(request, 'bedrock-mantle.eu-west-1.api.aws', 'eu-west-1', 'bedrock-mantle', now)
    if (problem !== undefined)
      return { status: 403, headers: [['x-amzn-errortype', 'InvalidSignatureException']], body: [JSON.stringify({ message: problem })] }
    return typeof reply === 'function' ? reply(request) : reply
  })
}

const frames = streamEvents.map(asFrame)

describe('bedrockMantle', () => {
  it('H8: signs the whole path, and passes request and stream byte for byte', async () => {
    const { send } = bench({
      headers: [
        ['content-type', 'text/event-stream'],
        ['request-id', 'req_1'],
      ],
      body: frames,
    })
    const body =
      '{ "model":"anthropic.claude-opus-5-5", "system":[{"type":"text","text":"x-anthropic-billing-header: a;"}], "n":1.0,"messages":[],"stream":true }'
    const { request, sink, settlement } = await send({
      body,
      headers: [
        ['anthropic-version', '2023-06-01'],
        ['anthropic-beta', 'effort-2025-11-24'],
      ],
    })
    expect(request?.path).toBe('/anthropic/v1/messages?beta=true')
    expect(textOf(request?.body ?? [])).toBe(body)
    expect(request?.headers.filter(([name]) => name.startsWith('anthropic-'))).toEqual([
      ['anthropic-version', '2023-06-01'],
      ['anthropic-beta', 'effort-2025-11-24'],
    ])
    expect(JSON.stringify(request?.headers)).not.toContain('client-canary')
    expect(sink.text()).toBe(frames.join(''))
    const { proof, outcome } = settlement
    expect(outcome.kind).toBe('completed')
    expect(proof.patches).toEqual([])
    expect(proof.upstreamRequestDigest).toBe(proof.requestDigest)
    expect(proof.upstreamResponseDigest).toBe(proof.responseDigest)
  })

  it('R1: counts tokens and lists models at the same endpoint, any path signed', async () => {
    const { send } = bench({
      headers: [
        ['content-type', 'application/json'],
        ['x-amzn-requestid', 'r-1'],
      ],
      body: ['{"input_tokens":3}'],
    })
    const counted = await send({ target: '/v1/messages/count_tokens?beta=true', body: '{"model":"m","messages":[]}' })
    expect(counted.sink.text()).toBe('{"input_tokens":3}')
    expect(Object.fromEntries(counted.sink.headers)['request-id']).toBe('r-1')
    for (const target of ['/v1/models?limit=1000&after_id=a%2Fb', '/v1/files/a%20b', '/v1/x!y(z)*'])
      expect((await send({ method: 'GET', target })).sink.status).toBe(200)
  })

  it('sends a bearer token as it is, and names models as it is told', async () => {
    const upstream = bedrockMantle({ region: 'us-east-1', bearerToken: 'bedrock-key', models: { [messagesBody.model]: 'anthropic.claude-sonnet-4-5' } })
    const { send } = upstreamBench(upstream, { headers: [['content-type', 'text/event-stream']], body: frames })
    const { request, settlement } = await send()
    expect(request?.headers.filter(([name]) => name === 'authorization')).toEqual([['authorization', 'Bearer bedrock-key']])
    expect(JSON.parse(textOf(request?.body ?? []))).toEqual({ ...messagesBody, model: 'anthropic.claude-sonnet-4-5' })
    expect(settlement).toMatchObject({ resolvedModel: messagesBody.model, proof: { patches: [{ name: 'bedrock-mantle:model' }] } })
  })

  it('F9: passes an envelope byte for byte, hides an account in one, and makes one of what AWS says', async () => {
    const envelope = '{ "type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens > 200000 maximum"},"extra":1 }'
    const said = async (status: number, body: string): Promise<string> =>
      (await bench({ status, headers: [['content-type', 'application/json']], body: [body] }).send()).sink.text()
    expect(await said(400, envelope)).toBe(envelope)
    expect(JSON.parse(await said(403, envelope.replace('prompt', 'arn:aws:iam::123456789012:role/x')))).toMatchObject({
      error: { type: 'invalid_request_error', message: '(resource) is too long: 210000 tokens > 200000 maximum' },
    })
    expect(JSON.parse(await said(404, '{"Message":"No such thing"}'))).toEqual({ type: 'error', error: { type: 'not_found_error', message: 'No such thing' } })
    expect(JSON.parse(await said(502, '<html>'))).toEqual({ type: 'error', error: { type: 'api_error', message: 'Bedrock answered with status 502.' } })
  })
})
