import type { ConformanceCase, Severity } from '../case.ts'
import { json, messageBody, plainMessage, stream, textStream } from '../upstream/replies.ts'
import { conformanceCase } from './conformance-case.ts'
import { expectAnthropicError, expectBytes, expectSame, expectThat } from './expect.ts'
import { forwarded, pass } from './through.ts'

/** A body that has to arrive as it was sent. */
interface BodyCase {
  readonly id: string
  readonly title: string
  readonly why: string
  readonly source: string
  readonly severity: Severity
  readonly body: (lane: string) => Uint8Array | string
}

/** The plain body with raw text put before its closing brace: for JSON that `JSON.stringify` would not write. */
function withRaw(raw: string): (lane: string) => string {
  return (lane) => `${messageBody(lane).slice(0, -1)},${raw}}`
}

const OPEN_FIELDS = '9router#4196, CLIProxyAPI#6009, ollama#18544; Claude gateway protocol 2.1.330 §Messages'
const NUMBERS = 'pi#8943, langfuse#14449, adk-llm-bridge#67'
const CACHE = 'bifrost#1742, bifrost#2082, agentgateway#3371; Anthropic docs, prompt caching: prefixes must be identical'

const BODIES: readonly BodyCase[] = [
  {
    id: 'body-plain',
    title: 'A plain body arrives as it was sent',
    why: 'bytes are what caching, signatures and new fields rest on',
    source: CACHE,
    severity: 'must',
    body: messageBody,
  },
  {
    id: 'body-unknown-field',
    title: 'An unknown top-level field passes',
    why: 'a release of the client may add one on any day',
    source: OPEN_FIELDS,
    severity: 'must',
    body: withRaw('"zz_new_in_2027":{"a":[1,null,{"b":"c"}]}'),
  },
  {
    id: 'body-unknown-nested-field',
    title: 'An unknown field inside a content block passes',
    why: 'per-message and per-block fields are added as well',
    source: 'claude-code#31033, litellm#26240',
    severity: 'must',
    body: (lane) =>
      messageBody(lane, {
        messages: [{ role: 'user', zz_level: 'high', content: [{ type: 'text', text: `Hi (${lane})`, zz_marker: { deep: [{ deeper: true }] } }] }],
      }),
  },
  {
    id: 'body-big-integers',
    title: 'Integers beyond 2^53 keep every digit',
    why: 'a rounded id makes an agent repeat a wrong call',
    source: NUMBERS,
    severity: 'must',
    body: withRaw('"tool_choice":{"type":"auto","ids":[9007199254740993,123456789012345678901234567890]}'),
  },
  {
    id: 'body-number-forms',
    title: 'Numbers keep their form: 1.0, 1e3, -0',
    why: 'another form is another prompt prefix',
    source: NUMBERS,
    severity: 'should',
    body: withRaw('"temperature":1.0,"top_p":1e0,"zz":[-0,1E+3,0.10]'),
  },
  {
    id: 'body-duplicate-keys',
    title: 'Duplicate keys arrive both',
    why: 'dropping one decides for the upstream which counts',
    source: 'RFC 8259 §4',
    severity: 'should',
    body: withRaw('"zz_twice":1,"zz_twice":2'),
  },
  {
    id: 'body-key-order',
    title: 'Keys keep their order',
    why: 'the prompt cache and bound signatures depend on it',
    source: CACHE,
    severity: 'must',
    body: (lane) => `{"zz":0,"stream":false,"b":1,"a":2,"2":0,"1":0,${messageBody(lane).slice(1)}`,
  },
  {
    id: 'body-white-space',
    title: 'White space between tokens stays',
    why: 'bytes are the truth; whoever prints them anew owns every bug in between',
    source: CACHE,
    severity: 'should',
    body: (lane) => JSON.stringify(JSON.parse(messageBody(lane)), null, '\t').replaceAll('\n', '\r\n'),
  },
  {
    id: 'body-trailing-newline',
    title: 'Space around the document stays',
    why: 'curl and editors send it',
    source: 'RFC 8259 §2',
    severity: 'may',
    body: (lane) => `\n ${messageBody(lane)}\n\n`,
  },
  {
    id: 'body-lone-surrogate',
    title: 'An escaped lone surrogate is neither mended nor refused',
    why: 'it is in the history: refusing it ends the session, mending it changes the prefix',
    source: 'claude-code#68325, claude-code#44230, opencode#17758',
    severity: 'must',
    body: withRaw('"zz":"broken \\ud83d emoji, \\udc00 too"'),
  },
  {
    id: 'body-escapes',
    title: 'Escapes are not rewritten',
    why: 'the same text in another form is another prefix',
    source: CACHE,
    severity: 'should',
    body: withRaw('"zz":"\\u0041\\/\\u00e9\\u2028<>&\\u0000\\u007f"'),
  },
  {
    id: 'body-unicode',
    title: 'Unescaped UTF-8 arrives byte by byte',
    why: 'decoding and encoding again is where characters break',
    source: 'claude-code-router#1672, aisix#111',
    severity: 'must',
    body: withRaw('"zz":"żółć 漢字 العربية 👩‍👩‍👧 \u2028 e\u0301"'),
  },
  {
    id: 'body-proto-keys',
    title: 'Keys named __proto__ and constructor pass',
    why: 'tool schemas hold any name',
    source: 'RFC 8259 §4; litellm#26240',
    severity: 'should',
    body: withRaw('"zz":{"__proto__":{"polluted":true},"constructor":{"prototype":1},"hasOwnProperty":0}'),
  },
  {
    id: 'body-deep-nesting',
    title: 'Five hundred levels of nesting pass',
    why: 'tool schemas and tool results nest; limits are the upstream’s to set',
    source: 'RFC 8259 §9',
    severity: 'may',
    body: withRaw(`"zz":${'['.repeat(500)}${']'.repeat(500)}`),
  },
  {
    id: 'body-many-messages',
    title: 'Two thousand messages with odd roles pass',
    why: 'the client sends system-role messages in mid-conversation',
    source: 'free-claude-code#606, CLIProxyAPI#3901; Claude Code 2.1.154',
    severity: 'must',
    body: (lane) =>
      messageBody(lane, {
        messages: Array.from({ length: 2000 }, (_, index) => ({
          role: ['user', 'assistant', 'system', 'zz_role'][index % 4],
          content: `turn ${index} ${index === 0 ? lane : ''}`,
        })),
      }),
  },
  {
    id: 'body-string-system',
    title: 'A system prompt that is a string stays one',
    why: 'turning it into blocks changes the prefix',
    source: CACHE,
    severity: 'should',
    body: (lane) => messageBody(lane, { system: 'You are terse.' }),
  },
  {
    id: 'body-system-blocks',
    title: 'System blocks stay as they are, in number and order',
    why: 'the first block is read by the upstream only where it stands',
    source: 'claude-code#64585; Anthropic docs, llm-gateway-protocol',
    severity: 'must',
    body: (lane) =>
      messageBody(lane, {
        system: [
          { type: 'text', text: 'x-anthropic-billing-header: cc_version=2.1.330.abc; cc_entrypoint=cli;' },
          { type: 'text', text: 'You are Claude Code.', cache_control: { type: 'ephemeral' } },
          { type: 'text', text: '' },
        ],
      }),
  },
  {
    id: 'body-cache-control',
    title: 'Cache breakpoints arrive where they were set, and no others',
    why: 'moved or added ones cost the cache, a fifth one is refused',
    source: 'mnfst/llm-gateway#2258, envoy#1712, agentgateway#2628',
    severity: 'must',
    body: (lane) =>
      messageBody(lane, {
        system: [{ type: 'text', text: 'S', cache_control: { type: 'ephemeral', ttl: '1h', scope: 'global' } }],
        messages: [
          {
            role: 'user',
            content: [
              { type: 'text', text: lane },
              { type: 'text', text: 'now', cache_control: { type: 'ephemeral' } },
            ],
          },
        ],
      }),
  },
  {
    id: 'body-thinking-settings',
    title: 'Thinking and effort settings are not normalised',
    why: 'another setting is slower, dearer or refused',
    source: 'litellm#27168, bifrost#5185, hebo-gateway#217',
    severity: 'must',
    body: (lane) =>
      messageBody(lane, {
        thinking: { type: 'adaptive', display: 'omitted' },
        output_config: { effort: 'zz_new' },
        context_management: { edits: [{ type: 'clear_thinking_20251015', keep: 'all' }] },
      }),
  },
  {
    id: 'body-unknown-model',
    title: 'A model that nobody knows yet passes',
    why: 'new models come out before gateways are updated',
    source: 'litellm#27168, OmniRoute#4450',
    severity: 'should',
    body: (lane) => messageBody(lane, { model: 'claude-sonnet-99-20991231' }),
  },
  {
    id: 'body-large-max-tokens',
    title: 'A large max_tokens is neither clamped nor refused',
    why: 'what a model takes is known upstream',
    source: 'vercel/ai#20649',
    severity: 'must',
    body: (lane) => messageBody(lane, { max_tokens: 128_000 }),
  },
]

const bodyCases = BODIES.map(({ id, title, why, source, severity, body }) =>
  conformanceCase(
    { id, group: 'request-bytes', title, requirement: `The upstream gets the bytes that the client sent: ${why}.`, source, severity },
    async (context) => {
      let sent: Uint8Array | string = ''
      const seen = await forwarded(context, { body: (lane) => (sent = body(lane)) })
      expectBytes(await seen.body(), sent, 'the request body at the upstream')
    },
  ),
)

/** Values of `stream`, and whether the upstream would stream. */
const STREAM_FLAGS: readonly (readonly [name: string, raw: string | undefined, streams: boolean])[] = [
  ['absent', undefined, false],
  ['false', 'false', false],
  ['true', 'true', true],
]

const streamCases = STREAM_FLAGS.map(([name, raw, streams]) =>
  conformanceCase(
    {
      id: `stream-flag-${name}`,
      group: 'request-bytes',
      title: `With stream ${name} the client gets ${streams ? 'a stream' : 'one JSON document'}`,
      requirement: 'Whether a reply streams is the upstream’s answer to `stream`; absent means no. Claude Code repeats a failed stream without the field.',
      source: 'cindy#2351, codebuddy2api#11, meridian#1098',
      severity: 'must',
    },
    async (context) => {
      const frames = textStream()
      const body = (lane: string): string => (raw === undefined ? messageBody(lane) : `${messageBody(lane).slice(0, -1)},"stream":${raw}}`)
      const { reply, bytes, lane } = await pass(context, { body, script: streams ? stream(frames) : json(plainMessage()) })
      expectThat(lane.requests.length === 1, `forwarded ${lane.requests.length} times`)
      expectThat(
        (reply.header('content-type') ?? '').startsWith(streams ? 'text/event-stream' : 'application/json'),
        `content-type ${reply.header('content-type') ?? 'missing'}`,
      )
      expectBytes(bytes, streams ? frames.join('') : plainMessage(), 'the reply')
    },
  ),
)

/** Bodies that are no request; the upstream, or the gateway in the upstream's form, says so. */
const NOT_REQUESTS: readonly (readonly [id: string, what: string, body: string])[] = [
  ['empty', 'An empty body', ''],
  ['torn', 'JSON that breaks off', '{"model":"claude-sonnet-4-5","messages":[{"role":'],
  ['text', 'Text that is no JSON', 'hello'],
  ['array', 'JSON that is no object', '[1,2,3]'],
]

const notRequestCases = NOT_REQUESTS.map(([id, what, body]) =>
  conformanceCase(
    {
      id: `body-${id}`,
      group: 'request-bytes',
      title: `${what} is answered with an Anthropic error, by the upstream or in its form`,
      requirement: 'What is no request is either forwarded unchanged or refused with a 4xx that the SDKs can read; never a 5xx or a page of HTML.',
      source: 'Anthropic API docs, errors; aisix#352, litellm#39589',
      severity: 'should',
    },
    async (context) => {
      const refusal = '{"type":"error","error":{"type":"invalid_request_error","message":"not JSON"}}'
      const { reply, bytes, lane } = await pass(context, {
        body: () => body,
        script: async (turn) => {
          expectSame((await turn.request.body()).toString('utf8'), body, 'the body at the upstream')
          turn.head(400, [
            ['Content-Type', 'application/json'],
            ['Content-Length', String(refusal.length)],
          ])
          turn.end(refusal)
        },
      })
      expectThat(lane.requests.length <= 1, `forwarded ${lane.requests.length} times`)
      expectThat(reply.status >= 400 && reply.status < 500, `status ${reply.status}`)
      expectAnthropicError(reply, bytes)
    },
  ),
)

/** Cases about the bytes of requests. */
export const REQUEST_BYTES: readonly ConformanceCase[] = [...bodyCases, ...streamCases, ...notRequestCases]
