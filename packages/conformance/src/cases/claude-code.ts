import type { ConformanceCase, Severity } from '../case.ts'
import { valueOf, type Header } from '../headers.ts'
import { frame, json, messageBody, messageStart, plainMessage, stream } from '../upstream/replies.ts'
import { conformanceCase } from './conformance-case.ts'
import { expectBytes, expectSame, expectStream } from './expect.ts'
import { forwarded, pass } from './through.ts'

const FORWARD = 'Anthropic docs, llm-gateway-protocol: forward headers, also unknown ones; Claude gateway protocol 2.1.330 allows dropping them'

/** Headers of Claude Code, beyond those of every client. */
const HEADERS: readonly (readonly [id: string, title: string, headers: readonly Header[], severity: Severity])[] = [
  [
    'agent',
    'The ids of sub-agents reach the upstream',
    [
      ['x-claude-code-agent-id', 'a1b2c3d4e5f607182'],
      ['x-claude-code-parent-agent-id', 'f0e0d0c0b0a090807'],
    ],
    'should',
  ],
  [
    'hints',
    'Hint headers reach the upstream',
    [
      ['x-claude-code-request-class', 'subagent'],
      ['x-claude-code-agent-type', 'general-purpose'],
      ['x-claude-code-prompt-id', '11111111-2222-4333-8444-555555555555'],
      ['x-claude-code-prev-tool-durations', 'Read=9;Bash=26'],
    ],
    'may',
  ],
  [
    'custom',
    'Headers that people set by ANTHROPIC_CUSTOM_HEADERS reach the upstream',
    [
      ['x-team', 'payments'],
      ['x-cost-center', '4711'],
    ],
    'may',
  ],
]

/** Forms of `metadata.user_id` that versions of the client have sent. */
const USER_IDS: readonly (readonly [id: string, title: string, userId: (lane: string) => string])[] = [
  ['json', 'as JSON text', (lane) => JSON.stringify({ device_id: 'd'.repeat(64), account_uuid: '', session_id: lane })],
  ['joined', 'as one joined string', (lane) => `user_${'d'.repeat(64)}_account__session_${lane}`],
  ['joined-account', 'as one joined string with an account', (lane) => `user_${'d'.repeat(64)}_account_11111111-2222-4333-8444-555555555555_session_${lane}`],
]

/** A body of the size and shape of a first turn. */
function firstTurn(lane: string): string {
  return messageBody(lane, {
    system: [
      { type: 'text', text: 'x-anthropic-billing-header: cc_version=2.1.330.1a2; cc_entrypoint=sdk-cli;' },
      { type: 'text', text: 'You are Claude Code. '.repeat(900), cache_control: { type: 'ephemeral' } },
    ],
    tools: Array.from({ length: 12 }, (_, index) => ({
      name: `Tool${index}`,
      description: 'd'.repeat(2000),
      input_schema: {
        $schema: 'https://json-schema.org/draft/2020-12/schema',
        type: 'object',
        properties: { path: { type: 'string' } },
        additionalProperties: false,
      },
      ...(index > 8 ? { defer_loading: true } : {}),
    })),
    thinking: { type: 'adaptive' },
    context_management: { edits: [{ type: 'clear_thinking_20251015', keep: 'all' }] },
    output_config: { effort: 'medium' },
    stream: true,
  })
}

/** Cases about what Claude Code in particular sends and reads. */
export const CLAUDE_CODE: readonly ConformanceCase[] = [
  conformanceCase(
    {
      id: 'session-header',
      group: 'claude-code',
      title: 'The session id reaches the upstream',
      requirement: 'X-Claude-Code-Session-Id is passed: the vendor counts sessions by it.',
      source: `coder/aibridge#241; ${FORWARD}`,
      severity: 'should',
    },
    async (context) => {
      const lane = context.lane(json(plainMessage()))
      const reply = await context.send({ lane: lane.id, body: messageBody(lane.id) })
      await reply.read()
      expectSame(valueOf((await lane.request()).headers, 'x-claude-code-session-id'), lane.id, 'the session id at the upstream')
    },
  ),
  ...HEADERS.map(([id, title, headers, severity]) =>
    conformanceCase(
      { id: `client-headers-${id}`, group: 'claude-code', title, requirement: 'Headers of the client are an open list.', source: FORWARD, severity },
      async (context) => {
        const seen = await forwarded(context, { headers })
        for (const [name, value] of headers) expectSame(valueOf(seen.headers, name), value, `${name} at the upstream`)
      },
    ),
  ),
  ...USER_IDS.map(([id, title, userId]) =>
    conformanceCase(
      {
        id: `user-id-${id}`,
        group: 'claude-code',
        title: `metadata.user_id ${title} arrives as it was sent`,
        requirement: 'The user id is neither read as the gateway’s nor rewritten.',
        source: 'claude-code-hub#939, aibridge#241',
        severity: 'should',
      },
      async (context) => {
        let sent = ''
        const seen = await forwarded(context, { body: (lane) => (sent = messageBody(lane, { metadata: { user_id: userId(lane), zz: true } })) })
        expectBytes(await seen.body(), sent, 'the body at the upstream')
      },
    ),
  ),
  conformanceCase(
    {
      id: 'first-turn',
      group: 'claude-code',
      title: 'A whole first turn of Claude Code arrives as it was sent, with its betas and query',
      requirement: 'What the client sends at the start of each session goes through unchanged.',
      source: 'wire of Claude Code 2.1.330',
      severity: 'must',
    },
    async (context) => {
      let sent = ''
      const seen = await forwarded(context, {
        path: '/v1/messages?beta=true',
        headers: [['anthropic-beta', 'claude-code-20250219,interleaved-thinking-2025-05-14,context-management-2025-06-27']],
        body: (lane) => (sent = firstTurn(lane)),
      })
      expectBytes(await seen.body(), sent, 'the body at the upstream')
      expectSame(seen.target.slice(seen.target.indexOf('/v1/')), '/v1/messages?beta=true', 'the request target')
    },
  ),
  conformanceCase(
    {
      id: 'safeguards-request',
      group: 'claude-code',
      title: 'safeguards and its beta reach the upstream together',
      requirement: 'Auto mode asks for a check by a body field and a beta: dropping one of them makes the client run dear checks of its own.',
      source: '9router#4196, CLIProxyAPI#6009; Claude gateway protocol 2.1.330 §Messages',
      severity: 'must',
    },
    async (context) => {
      let sent = ''
      const seen = await forwarded(context, {
        headers: [['anthropic-beta', 'dangerous-tool-use-2026-09-03,afk-mode-2026-01-31']],
        body: (lane) => (sent = messageBody(lane, { safeguards: [{ type: 'dangerous_tool_use', classifier_context: { cwd: '/srv/app', rules: [] } }] })),
      })
      expectBytes(await seen.body(), sent, 'the body at the upstream')
      expectSame(valueOf(seen.headers, 'anthropic-beta'), 'dangerous-tool-use-2026-09-03,afk-mode-2026-01-31', 'betas at the upstream')
    },
  ),
  conformanceCase(
    {
      id: 'safeguards-reply',
      group: 'claude-code',
      title: 'safeguard_results reach the client, in a stream and in JSON',
      requirement: 'The verdict is in message_delta.delta, or at the top of a JSON reply.',
      source: '9router#4196, OmniRoute#14312; Claude gateway protocol 2.1.330 §Messages',
      severity: 'must',
    },
    async (context) => {
      const frames = [
        messageStart(),
        frame('message_delta', {
          type: 'message_delta',
          delta: { stop_reason: 'tool_use', safeguard_results: [{ type: 'dangerous_tool_use', verdict: 'allow' }] },
          usage: { output_tokens: 3 },
        }),
        frame('message_stop', { type: 'message_stop' }),
      ]
      const streamed = await pass(context, { body: (lane) => messageBody(lane, { stream: true }), script: stream(frames) })
      expectStream(streamed.bytes, frames.join(''), 'the stream')
      const body = plainMessage().replace('"usage"', '"safeguard_results":[{"verdict":"block"}],"usage"')
      const plain = await pass(context, { script: json(body) })
      expectBytes(plain.bytes, body, 'the JSON reply')
    },
  ),
  conformanceCase(
    {
      id: 'fallback-request',
      group: 'claude-code',
      title: 'The request that follows a failed stream is served: no stream field, another time-out',
      requirement: 'After a stream that it could not use, the client asks again without `stream`.',
      source: 'cindy#2351; wire of Claude Code 2.1.330',
      severity: 'must',
    },
    async (context) => {
      const { reply, bytes } = await pass(context, {
        path: '/v1/messages?beta=true',
        headers: [['X-Stainless-Timeout', '300']],
        body: (lane) => messageBody(lane, { max_tokens: 64_000 }),
      })
      expectSame(reply.status, 200, 'status')
      expectBytes(bytes, plainMessage(), 'the reply')
    },
  ),
  conformanceCase(
    {
      id: 'message-model-kept',
      group: 'claude-code',
      title: 'The reply names the model that the upstream names',
      requirement: 'The model in message_start and in JSON is what was billed: it is not rewritten to what was asked for.',
      source: 'OmniRoute#4450, omnigent#6236',
      severity: 'should',
    },
    async (context) => {
      const body = plainMessage().replace('claude-sonnet-4-5', 'claude-sonnet-4-5-20250929')
      const { bytes } = await pass(context, { script: json(body) })
      expectBytes(bytes, body, 'the reply')
      const frames = [messageStart().replace('claude-sonnet-4-5', 'claude-sonnet-4-5-20250929'), frame('message_stop', { type: 'message_stop' })]
      const streamed = await pass(context, { body: (lane) => messageBody(lane, { stream: true }), script: stream(frames) })
      expectStream(streamed.bytes, frames.join(''), 'the stream')
    },
  ),
  conformanceCase(
    {
      id: 'path-prefix',
      group: 'claude-code',
      title: 'Requests with and without a trailing slash of the base URL find the endpoint',
      requirement: 'ANTHROPIC_BASE_URL with a trailing slash makes //v1/messages: it is served, or refused in order; it never reaches another endpoint.',
      source: 'litellm CVE-2026-49468; envoy#1360',
      severity: 'may',
    },
    async (context) => {
      const { reply, lane } = await pass(context, { path: '//v1/messages' })
      expectSame(lane.requests.length <= 1 && reply.status < 500, true, `status ${reply.status} with ${lane.requests.length} upstream requests: in order`)
    },
  ),
]
