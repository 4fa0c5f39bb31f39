import { ConfigurationError } from '@sluice/core'
import { describe, expect, it } from 'vitest'
import { chunkMessage, exceptionMessage } from '../../test/event-stream-writer.ts'
import { account, signatureProblem } from '../../test/fake-bedrock.ts'
import { asFrame, messagesBody, now, streamEvents, textOf, upstreamBench, type UpstreamBench } from '../../test/upstream-bench.ts'
import { bedrockInvoke, type BedrockInvokeOptions } from './bedrock-invoke.ts'

const region = 'us-east-1'
const host = 'bedrock-runtime.us-east-1.amazonaws.com'
const arn = 'arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/canary01'
const models = {
  [messagesBody.model]: 'us.anthropic.claude-sonnet-4-5-20250929-v1:0',
  'team-opus': { id: arn, countTokens: 'anthropic.claude-opus-4-5-20251101-v1:0' },
  'lone-profile': arn,
}
const eventStream = [
  ['content-type', 'application/vnd.amazon.eventstream'],
  ['x-amzn-requestid', 'req-canary-1'],
  ['x-amzn-bedrock-content-type', 'application/json'],
] as const

/** A Bedrock that answers only what is signed. */
function bench(reply: Parameters<typeof upstreamBench>[1], options: Partial<BedrockInvokeOptions> = {}): UpstreamBench {
  return upstreamBench(bedrockInvoke({ region, credentials: account, models, now: () => now, ...options }), async (request) => {
    const problem = signatureProblem(request, host, region, 'bedrock', now)
    if (problem !== undefined)
      return { status: 403, headers: [['x-amzn-errortype', 'InvalidSignatureException']], body: [JSON.stringify({ message: problem })] }
    return typeof reply === 'function' ? reply(request) : reply
  })
}

const streamed = { headers: eventStream, body: streamEvents.map(chunkMessage) }

describe('bedrockInvoke', () => {
  it('H8: signs, splices, streams: the request is the client’s but for its spans, the reply is the Messages API’s', async () => {
    const body = '{ "model": "claude-sonnet-4-5-20250929",\t"n":12345678901234567890, "stream" : true, "messages":[],"x":"\\ud83d" }'
    const { send } = bench(streamed)
    const { request, settlement, sink } = await send({
      body,
      headers: [
        ['anthropic-version', '2023-06-01'],
        ['x-claude-code-session-id', 's-1'],
      ],
    })
    expect(request?.origin).toBe(`https://${host}`)
    expect(request?.path).toBe('/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/invoke-with-response-stream')
    expect(textOf(request?.body ?? [])).toBe('{ "anthropic_version":"bedrock-2023-05-31","n":12345678901234567890, "messages":[],"x":"\\ud83d" }')
    const names = (request?.headers ?? []).map(([name]) => name.toLowerCase())
    expect(names).toContain('x-claude-code-session-id')
    expect(names.filter((name) => ['anthropic-version', 'anthropic-beta', 'x-api-key'].includes(name))).toEqual([])
    expect(JSON.stringify(request?.headers)).not.toContain('client-canary')
    expect(sink.text()).toBe(streamEvents.map(asFrame).join(''))
    expect(Object.fromEntries(sink.headers)).toMatchObject({ 'content-type': 'text/event-stream; charset=utf-8', 'request-id': 'req-canary-1' })
    expect(settlement).toMatchObject({
      outcome: { kind: 'completed' },
      isStream: true,
      usage: { source: 'final' },
      requestedModel: messagesBody.model,
      resolvedModel: messagesBody.model,
      billedModel: messagesBody.model,
      upstreamRequestId: 'req-canary-1',
      messageId: 'msg_bdrk_01',
      cost: { state: 'priced' },
    })
    expect(settlement.proof.patches.map(({ name }) => name)).toEqual(['bedrock:anthropic_version', 'bedrock:model', 'bedrock:stream'])
    expect(settlement.proof.upstreamRequestDigest).not.toBe(settlement.proof.requestDigest)
  })

  it('A3: puts the betas of head and body into the body, once each, and nothing that was not sent', async () => {
    const body = JSON.stringify({ ...messagesBody, anthropic_beta: ['b-2', 'a-1'] })
    const { send } = bench(streamed)
    const { request } = await send({
      body,
      headers: [
        ['anthropic-beta', 'a-1, c-3'],
        ['anthropic-beta', 'd-4'],
      ],
    })
    expect((JSON.parse(textOf(request?.body ?? [])) as { anthropic_beta: unknown }).anthropic_beta).toEqual(['a-1', 'c-3', 'd-4', 'b-2'])
    const without = await send()
    expect(textOf(without.request?.body ?? [])).not.toContain('anthropic_beta')
  })

  it('asks for a whole message where the body does not say "stream": true, and passes it byte for byte', async () => {
    const message = '{"id":"msg_1","type":"message", "model":"claude-sonnet-4-5-20250929","content":[],"usage":{"input_tokens":1.0,"output_tokens":2}}'
    const { send } = bench({
      headers: [
        ['content-type', 'application/json'],
        ['x-amzn-requestid', 'r-2'],
        ['x-amzn-bedrock-input-token-count', '1'],
      ],
      body: [message],
    })
    const { request, sink } = await send({ body: JSON.stringify({ ...messagesBody, stream: 'true' }) })
    expect(request?.path).toMatch(/\/invoke$/)
    expect(sink.text()).toBe(message)
    expect(Object.fromEntries(sink.headers)).toMatchObject({ 'request-id': 'r-2', 'x-amzn-bedrock-input-token-count': '1' })
  })

  it('lets no header and no account id of a client choose anything', async () => {
    const { send } = bench(streamed)
    const { request, sink } = await send({
      headers: [
        ['x-amz-security-token', 'theirs'],
        ['X-Amzn-Bedrock-GuardrailIdentifier', 'theirs'],
        ['x-amz-date', '20200101T000000Z'],
      ],
    })
    expect(sink.status).toBe(200)
    expect(JSON.stringify(request?.headers)).not.toContain('theirs')
    const refused = await send({ body: JSON.stringify({ ...messagesBody, model: 'arn:aws:bedrock:us-east-1:999999999999:provisioned-model/x' }) })
    expect(refused.sink.status).toBe(404)
    expect(JSON.parse(refused.sink.text())).toMatchObject({ error: { type: 'not_found_error' } })
  })

  it('takes ARNs as ids, and lists none in a record', async () => {
    const { send } = bench(streamed)
    const { request, settlement } = await send({ body: JSON.stringify({ ...messagesBody, model: 'team-opus' }) })
    expect(request?.path).toBe(`/model/${encodeURIComponent(arn)}/invoke-with-response-stream`)
    expect(JSON.stringify(settlement, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))).not.toContain('123456789012')
  })

  it('H1: counts tokens by Bedrock’s own count', async () => {
    const { send } = bench({ headers: [['content-type', 'application/json']], body: ['{"inputTokens":11}'] })
    const body = JSON.stringify({ model: messagesBody.model, messages: [{ role: 'user', content: '日本語' }] })
    const { request, sink, settlement } = await send({ target: '/v1/messages/count_tokens?beta=true', body })
    expect(request?.path).toBe('/model/anthropic.claude-sonnet-4-5-20250929-v1%3A0/count-tokens')
    const { input } = JSON.parse(textOf(request?.body ?? [])) as { input: { invokeModel: { body: string } } }
    expect(JSON.parse(Buffer.from(input.invokeModel.body, 'base64').toString())).toEqual({
      anthropic_version: 'bedrock-2023-05-31',
      max_tokens: 1,
      messages: [{ role: 'user', content: '日本語' }],
    })
    expect(sink.text()).toBe('{"input_tokens":11}')
    expect(settlement.proof.patches.at(-1)).toMatchObject({ name: 'bedrock:input', start: 0, end: Buffer.byteLength(body) })
    const other = await send({ target: '/v1/messages/count_tokens', body: body.replace(messagesBody.model, 'team-opus') })
    expect(other.request?.path).toContain('claude-opus-4-5-20251101')
  })

  it('H1: says in one answer that it cannot count, where Bedrock cannot', async () => {
    const { send, transport } = bench(streamed)
    const { sink } = await send({ target: '/v1/messages/count_tokens', body: JSON.stringify({ model: 'lone-profile', messages: [] }) })
    expect(sink.status).toBe(501)
    expect(Object.fromEntries(sink.headers)).toMatchObject({ 'x-should-retry': 'false' })
    expect(transport.calls).toHaveLength(0)
  })

  it.each([
    [400, 'ValidationException', 'Input is too long for requested model.', 400, 'invalid_request_error', 'Input is too long for requested model.'],
    [
      403,
      'AccessDeniedException',
      `User: arn:aws:iam::123456789012:user/canary is not authorized to perform: bedrock:InvokeModel on resource: ${arn}`,
      403,
      'permission_error',
      'User: (resource) is not authorized to perform: bedrock:InvokeModel on resource: (resource)',
    ],
    [404, 'ResourceNotFoundException', 'Account 123456789012 has no access.', 404, 'not_found_error', 'Account (account) has no access.'],
    [424, 'ModelErrorException', 'The model failed.', 500, 'api_error', 'The model failed.'],
    [429, 'ThrottlingException', 'Too many tokens, please wait.', 429, 'rate_limit_error', 'Too many tokens, please wait.'],
    [
      503,
      'ServiceUnavailableException',
      'Model is getting throttled. Try your request again.',
      503,
      'overloaded_error',
      'Model is getting throttled. Try your request again.',
    ],
    [500, 'InternalServerException', undefined, 500, 'api_error', 'Bedrock answered with status 500.'],
  ])('F9: turns a %d %s into the envelope, its words kept and its account hidden', async (status, exception, message, sentStatus, type, sentMessage) => {
    const headers = [
      ['content-type', 'application/json'],
      ['x-amzn-errortype', `${exception}:http://internal.amazon.com/coral/`],
      ['x-amzn-requestid', 'r-9'],
      ['retry-after', '3'],
    ] as const
    const { send } = bench({ status, headers, body: [JSON.stringify({ message })] })
    const { sink, settlement } = await send()
    expect(sink.status).toBe(sentStatus)
    expect(JSON.parse(sink.text())).toEqual({ type: 'error', error: { type, message: sentMessage }, request_id: 'r-9' })
    expect(Object.fromEntries(sink.headers)).toMatchObject({ 'content-type': 'application/json', 'request-id': 'r-9', 'retry-after': '3' })
    expect(settlement.attempts[0]?.status).toBe(status)
    expect(settlement.outcome.kind).toBe('failed')
  })

  it('F9, R21: never shows what an answer about the signature quotes', async () => {
    const { send } = bench({}, { credentials: { ...account, secretAccessKey: 'wrong' } })
    const { sink } = await send()
    expect(sink.status).toBe(403)
    expect(sink.text()).not.toContain('signature does not match')
    expect(JSON.parse(sink.text())).toMatchObject({ error: { message: expect.stringContaining("gateway's operator") as unknown } })
  })

  it('B4, B5: an exception ends the stream with one error event, a wrong checksum with the gateway’s', async () => {
    const { send } = bench({ headers: eventStream, body: [chunkMessage(streamEvents[0] as string), exceptionMessage('serviceUnavailableException', 'Busy.')] })
    const exception = await send()
    expect(exception.sink.text().match(/event: error/g)).toHaveLength(1)
    expect(exception.sink.text()).toContain('"type":"overloaded_error"')
    expect(exception.settlement).toMatchObject({ outcome: { kind: 'upstream-truncated', error: { origin: 'upstream', code: 'overloaded_error' } } })
    const wrong = chunkMessage(streamEvents[1] as string)
    wrong[70] = (wrong[70] as number) ^ 1
    const { send: sendWrong } = bench({ headers: eventStream, body: [chunkMessage(streamEvents[0] as string), wrong] })
    const broken = await sendWrong()
    expect(broken.sink.text()).toMatch(/event: error\ndata: \{"type":"error","error":\{"type":"api_error"[^\n]*\n\n$/)
    expect(broken.settlement).toMatchObject({ outcome: { kind: 'upstream-truncated', error: { origin: 'gateway', code: 'upstream-broke' } } })
  })

  it('tells the operator, and not the client, why it has no credentials', async () => {
    const { send, faults } = bench(streamed, { credentials: () => Promise.reject(new Error('role-canary is gone')) })
    const { sink } = await send()
    expect(sink.status).toBe(503)
    expect(sink.text()).not.toContain('role-canary')
    expect(faults.map(({ cause }) => String((cause as Error).cause))).toEqual(['Error: role-canary is gone'])
  })

  it.each([
    ['GET', '/v1/models'],
    ['POST', '/v1/messages/batches'],
  ])('has no route for %s %s', async (method, target) => {
    const { send, transport } = bench(streamed)
    expect((await send({ method, target, body: '{}' })).sink.status).toBe(404)
    expect(transport.calls).toHaveLength(0)
  })

  it.each(['[]', '{"messages":[]}', '{"model":1}'])('refuses a body without a model (%s)', async (body) => {
    const { send } = bench(streamed)
    expect((await send({ body })).sink.status).toBe(400)
  })

  it.each([
    { region: 'us-east-1.evil.example/' },
    { region: '' },
    { credentials: undefined },
    { bearerToken: 'both' },
    { credentials: { accessKeyId: '', secretAccessKey: 'x' } },
    { models: { a: 'id with spaces' } },
    { baseUrl: 'https://10.0.0.1' },
  ])('is refused at build with %o', (options) => {
    expect(() => bedrockInvoke({ region, credentials: account, models, ...(options as object) })).toThrow(ConfigurationError)
  })

  it('pings a client that Bedrock leaves in silence', () => {
    expect(bedrockInvoke({ region, credentials: account, models }).heartbeatMillis).toBe(15_000)
  })
})
