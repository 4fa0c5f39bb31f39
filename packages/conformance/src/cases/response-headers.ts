import type { ConformanceCase, Severity } from '../case.ts'
import type { Header } from '../headers.ts'
import { json, JSON_HEADERS, messageBody, plainMessage, stream, STREAM_HEADERS, textStream } from '../upstream/replies.ts'
import { conformanceCase } from './conformance-case.ts'
import { expectSame, expectThat } from './expect.ts'
import { pass } from './through.ts'

/** Response headers that have to reach the client. */
interface HeaderCase {
  readonly id: string
  readonly title: string
  readonly source: string
  readonly severity: Severity
  readonly headers: readonly Header[]
}

const LOST = '9router#4196, litellm#28562, litellm#35089'

const HEADERS: readonly HeaderCase[] = [
  {
    id: 'request-id',
    title: 'request-id reaches the client as the upstream gave it',
    source: 'litellm#37754, claude-code#39103; Claude Code joins telemetry by it',
    severity: 'should',
    headers: [['request-id', 'req_011CUxOfTheUpstream']],
  },
  {
    id: 'rate-limits',
    title: 'The upstream’s rate limit headers reach the client',
    source: `lean-ctx#1638, ${LOST}`,
    severity: 'should',
    headers: [
      'requests-limit:50',
      'requests-remaining:49',
      'requests-reset:2026-12-01T00:00:00Z',
      'input-tokens-limit:100000',
      'input-tokens-remaining:99000',
      'output-tokens-limit:20000',
      'tokens-reset:2026-12-01T00:00:00Z',
    ].map((each): Header => {
      const at = each.indexOf(':')
      return [`anthropic-ratelimit-${each.slice(0, at)}`, each.slice(at + 1)]
    }),
  },
  {
    id: 'organization',
    title: 'anthropic-organization-id reaches the client',
    source: LOST,
    severity: 'may',
    headers: [['anthropic-organization-id', '0f0e0d0c-0000-4000-8000-000000000000']],
  },
  {
    id: 'unknown',
    title: 'An unknown response header reaches the client',
    source: `${LOST}; Anthropic docs, llm-gateway-protocol`,
    severity: 'should',
    headers: [['x-zz-new-header', 'value; with="odd, characters"']],
  },
  {
    id: 'cache-control',
    title: 'Cache-Control reaches the client',
    source: 'Kong/kong#12680',
    severity: 'may',
    headers: [['Cache-Control', 'no-cache, no-store']],
  },
  { id: 'empty-value', title: 'A header with an empty value reaches the client', source: 'RFC 9110 §5.5', severity: 'may', headers: [['x-zz-empty', '']] },
]

const headerCases = HEADERS.flatMap(({ id, title, source, severity, headers }) =>
  (['json', 'stream'] as const).map((kind) =>
    conformanceCase(
      {
        id: `reply-header-${id}-${kind}`,
        group: 'response-headers',
        title: `${title}, with ${kind === 'json' ? 'a JSON reply' : 'a stream'}`,
        requirement: 'End-to-end response headers reach the client with the values that the upstream gave them.',
        source,
        severity,
      },
      async (context) => {
        const base = (kind === 'json' ? JSON_HEADERS : STREAM_HEADERS).filter(
          ([name]) => !headers.some(([other]) => other.toLowerCase() === name.toLowerCase()),
        )
        const { reply } = await pass(context, {
          body: (lane) => messageBody(lane, { stream: kind === 'stream' }),
          script: kind === 'json' ? json(plainMessage(), [...base, ...headers]) : stream(textStream(), [...base, ...headers]),
        })
        for (const [name, value] of headers) {
          // A gateway may add directives that keep proxies from buffering.
          const came = reply.header(name)
          if (id === 'cache-control')
            expectThat(
              value.split(', ').every((each) => came?.includes(each) === true),
              `${name} at the client: ${came ?? 'none'}`,
            )
          else expectSame(came, value, `${name} at the client`)
        }
      },
    ),
  ),
)

/** Content types, which clients choose their parser by. */
const CONTENT_TYPES: readonly (readonly [id: string, value: string])[] = [
  ['stream', 'text/event-stream; charset=utf-8'],
  ['stream-bare', 'text/event-stream'],
  ['json', 'application/json'],
  ['jsonl', 'application/x-jsonl'],
]

/** Cases about the headers of replies. */
export const RESPONSE_HEADERS: readonly ConformanceCase[] = [
  ...headerCases,
  ...CONTENT_TYPES.map(([id, value]) =>
    conformanceCase(
      {
        id: `reply-content-type-${id}`,
        group: 'response-headers',
        title: `The content type ${value} reaches the client unchanged`,
        requirement: 'The content type is passed as it is: without it, each turn is run a second time without streaming.',
        source: 'Claude Code changelog 2.1.239; cc-switch-cli#320',
        severity: 'must',
      },
      async (context) => {
        const frames = textStream()
        const { reply } = await pass(context, {
          body: (lane) => messageBody(lane, { stream: true }),
          script: id.startsWith('stream') ? stream(frames, [['Content-Type', value]]) : json(plainMessage(), [['Content-Type', value]]),
        })
        expectSame(reply.header('content-type'), value, 'content-type at the client')
      },
    ),
  ),
  conformanceCase(
    {
      id: 'reply-header-repeated',
      group: 'response-headers',
      title: 'A repeated response header keeps all its values, in order',
      requirement: 'No value of a repeated header is lost.',
      source: 'RFC 9110 §5.3',
      severity: 'should',
    },
    async (context) => {
      const { reply } = await pass(context, { script: json(plainMessage(), [...JSON_HEADERS, ['x-zz-twice', 'a'], ['x-zz-twice', 'b']]) })
      expectSame(reply.header('x-zz-twice')?.replaceAll(' ', ''), 'a,b', 'x-zz-twice at the client')
    },
  ),
  conformanceCase(
    {
      id: 'reply-hop-connection-named',
      group: 'response-headers',
      title: 'A response header that Connection names is not passed on',
      requirement: 'Headers of one hop end at the gateway.',
      source: 'RFC 9110 §7.6.1',
      severity: 'should',
    },
    async (context) => {
      const { reply } = await pass(context, {
        script: json(plainMessage(), [...JSON_HEADERS, ['Connection', 'keep-alive, x-zz-hop'], ['x-zz-hop', 'only for the gateway']]),
      })
      expectSame(reply.header('x-zz-hop'), undefined, 'x-zz-hop at the client')
    },
  ),
  conformanceCase(
    {
      id: 'reply-hop-keep-alive',
      group: 'response-headers',
      title: 'The upstream’s Keep-Alive and Proxy-Authenticate are not passed on',
      requirement: 'What the upstream says of its connection is not true of the gateway’s.',
      source: 'RFC 9110 §7.6.1, §11.7.2',
      severity: 'should',
    },
    async (context) => {
      const { reply } = await pass(context, {
        script: json(plainMessage(), [...JSON_HEADERS, ['Keep-Alive', 'timeout=987'], ['Proxy-Authenticate', 'Basic realm="upstream"']]),
      })
      expectThat(reply.header('keep-alive')?.includes('987') !== true, `keep-alive at the client: ${reply.header('keep-alive') ?? ''}`)
      expectSame(reply.header('proxy-authenticate'), undefined, 'proxy-authenticate at the client')
    },
  ),
  conformanceCase(
    {
      id: 'reply-length-consistent',
      group: 'response-headers',
      title: 'Content-Length, where there is one, is the length of the body',
      requirement: 'A wrong length makes the client wait, or cut the reply.',
      source: 'CLIProxyAPI#1834; RFC 9110 §8.6',
      severity: 'must',
    },
    async (context) => {
      const { reply, bytes, end } = await pass(context, { script: json(plainMessage('é'.repeat(3000))) })
      expectSame(end, 'complete', 'how the reply ended')
      const length = reply.header('content-length')
      if (length !== undefined) expectSame(Number(length), bytes.length, 'content-length')
    },
  ),
  conformanceCase(
    {
      id: 'reply-length-kept',
      group: 'response-headers',
      title: 'The length of a JSON reply is announced to the client',
      requirement: 'What the upstream announced need not be hidden: clients check completeness by it.',
      source: 'RFC 9110 §8.6',
      severity: 'may',
    },
    async (context) => {
      const { reply } = await pass(context)
      expectSame(reply.header('content-length'), String(Buffer.byteLength(plainMessage())), 'content-length at the client')
    },
  ),
  conformanceCase(
    {
      id: 'reply-header-many',
      group: 'response-headers',
      title: 'Two hundred response headers reach the client',
      requirement: 'A long head is neither cut nor an error.',
      source: LOST,
      severity: 'may',
    },
    async (context) => {
      const many = Array.from({ length: 200 }, (_, index): Header => [`x-zz-${index}`, `value ${index}`])
      const { reply } = await pass(context, { script: json(plainMessage(), [...JSON_HEADERS, ...many]) })
      expectSame(
        many.filter(([name, value]) => reply.header(name) !== value).map(([name]) => name),
        [],
        'headers that were lost',
      )
    },
  ),
]
