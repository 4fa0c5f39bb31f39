import type { CaseContext, ConformanceCase, Severity } from '../case.ts'
import { valueOf, valuesOf, type Header } from '../headers.ts'
import { messageBody } from '../upstream/replies.ts'
import { conformanceCase } from './conformance-case.ts'
import { expectSame, expectThat } from './expect.ts'
import { forwarded } from './through.ts'

/** Headers that have to arrive as they were sent. */
interface HeaderCase {
  readonly id: string
  readonly title: string
  readonly source: string
  readonly severity: Severity
  readonly headers: readonly Header[]
}

const OPEN = 'Context-Gateway#37, shunt#74, 9router#4196; Anthropic docs, llm-gateway-protocol'
const BETAS =
  'claude-code-20250219,interleaved-thinking-2025-05-14,context-management-2025-06-27,per-turn-control-2026-07-01,mid-conversation-tool-changes-2026-07-01,thinking-token-count-2026-05-13,advanced-tool-use-2025-11-20,effort-2025-11-24,thinking-display-updates-2026-08-18,dangerous-tool-use-2026-09-03,zz-unknown-2099-01-01'

const HEADERS: readonly HeaderCase[] = [
  {
    id: 'betas',
    title: 'Eleven betas in one list arrive in full, in order',
    source: 'litellm#9016, 9router#4196, agentic-api#99',
    severity: 'must',
    headers: [['anthropic-beta', BETAS]],
  },
  {
    id: 'beta-unknown',
    title: 'A beta that nobody knows yet passes',
    source: 'litellm#13252, claude-code#70563; Claude gateway protocol 2.1.330 §Messages',
    severity: 'must',
    headers: [['anthropic-beta', 'zz-next-year-2027-01-01']],
  },
  {
    id: 'version',
    title: 'anthropic-version arrives as it was sent',
    source: 'Anthropic API docs, versions',
    severity: 'must',
    headers: [['anthropic-version', '2023-06-01']],
  },
  {
    id: 'version-unknown',
    title: 'A version that nobody knows yet passes',
    source: 'Anthropic API docs, versions',
    severity: 'should',
    headers: [['anthropic-version', '2027-01-01']],
  },
  { id: 'unknown', title: 'An unknown end-to-end header passes', source: OPEN, severity: 'should', headers: [['x-zz-new-header', 'some value; q="1, 2"']] },
  {
    id: 'user-agent',
    title: 'The client’s user agent passes',
    source: 'Context-Gateway#37, shunt#74: the upstream judges the client’s shape',
    severity: 'should',
    headers: [['User-Agent', 'claude-cli/2.1.330 (external, sdk-cli)']],
  },
  {
    id: 'x-app',
    title: 'x-app and the x-stainless family pass',
    source: `${OPEN}; Claude gateway protocol 2.1.330 §Messages, which allows dropping them`,
    severity: 'should',
    headers: [
      ['x-app', 'cli'],
      ['X-Stainless-Lang', 'js'],
      ['X-Stainless-Retry-Count', '0'],
      ['X-Stainless-Timeout', '600'],
      ['X-Stainless-Runtime-Version', 'v24.3.0'],
    ],
  },
  {
    id: 'browser-access',
    title: 'anthropic-dangerous-direct-browser-access passes',
    source: OPEN,
    severity: 'may',
    headers: [['anthropic-dangerous-direct-browser-access', 'true']],
  },
  {
    id: 'content-type',
    title: 'The content type keeps its parameters',
    source: 'RFC 9110 §8.3',
    severity: 'should',
    headers: [['Content-Type', 'application/json; charset=utf-8']],
  },
  { id: 'accept', title: 'Accept passes', source: 'RFC 9110 §12.5.1', severity: 'may', headers: [['Accept', 'application/json, text/event-stream;q=0.9']] },
  {
    id: 'traceparent',
    title: 'Trace context passes',
    source: 'W3C Trace Context §3.2; Claude Code 2.1.330, CLAUDE_CODE_PROPAGATE_TRACEPARENT',
    severity: 'may',
    headers: [['tracestate', 'vendor=opaque,other=1']],
  },
  {
    id: 'long-value',
    title: 'A header value of 12 KB passes whole',
    source: 'RFC 9110 §5.4; Anthropic docs, llm-gateway-protocol: betas are an open list',
    severity: 'should',
    headers: [['x-zz-long', 'v'.repeat(12_000)]],
  },
  {
    id: 'idempotency-key',
    title: 'Idempotency-Key passes',
    source: 'anthropic-sdk-typescript, idempotency headers',
    severity: 'may',
    headers: [['Idempotency-Key', 'stainless-node-retry-1']],
  },
]

const headerCases = HEADERS.map(({ id, title, source, severity, headers }) =>
  conformanceCase(
    {
      id: `header-${id}`,
      group: 'request-headers',
      title,
      requirement: 'End-to-end request headers reach the upstream with the values that the client gave them.',
      source,
      severity,
    },
    async (context) => {
      const seen = await forwarded(context, { headers })
      for (const [name, value] of headers) expectSame(valueOf(seen.headers, name), value, `${name} at the upstream`)
    },
  ),
)

/** Headers that end at the gateway. */
const HOP_BY_HOP: readonly (readonly [id: string, headers: readonly Header[], gone: string, severity: Severity])[] = [
  [
    'connection-named',
    [
      ['Connection', 'keep-alive, x-zz-hop'],
      ['x-zz-hop', 'only for the gateway'],
    ],
    'x-zz-hop',
    'should',
  ],
  ['keep-alive', [['Keep-Alive', 'timeout=5, max=100']], 'keep-alive', 'should'],
  ['proxy-authorization', [['Proxy-Authorization', 'Basic Y29uZm9ybWFuY2U6c2VjcmV0']], 'proxy-authorization', 'must'],
  ['te', [['TE', 'trailers, deflate']], 'te', 'may'],
  ['proxy-connection', [['Proxy-Connection', 'keep-alive']], 'proxy-connection', 'may'],
]

const hopCases = HOP_BY_HOP.map(([id, headers, gone, severity]) =>
  conformanceCase(
    {
      id: `hop-${id}`,
      group: 'request-headers',
      title: `${gone} is not forwarded`,
      requirement: 'Headers of one hop, and those that Connection names, end at the gateway.',
      source: 'RFC 9110 §7.6.1, §11.7.1',
      severity,
    },
    async (context) => {
      const seen = await forwarded(context, { headers })
      const value = valueOf(seen.headers, gone)
      expectThat(value === undefined || (gone === 'keep-alive' && value !== headers[0]?.[1]), `the upstream got ${gone}: ${value ?? ''}`)
    },
  ),
)

/** Queries that have to arrive as they were sent. */
const QUERIES: readonly (readonly [id: string, query: string, title: string, severity: Severity])[] = [
  ['beta', 'beta=true', 'The query ?beta=true arrives: Claude Code sends it with every message', 'must'],
  ['odd', 'beta=true&zz=1&zz=2&empty=&flag&x=%2F%20%C3%A9+a', 'Repeated, empty and escaped query parameters arrive as they were written', 'should'],
]

const queryCases = QUERIES.map(([id, query, title, severity]) =>
  conformanceCase(
    {
      id: `query-${id}`,
      group: 'request-headers',
      title,
      requirement: 'The query is the upstream’s: neither dropped nor re-encoded, and no reason for a 404.',
      source: 'envoy#1360; wire of Claude Code 2.1.330',
      severity,
    },
    async (context) => {
      const seen = await forwarded(context, { path: `/v1/messages?${query}` })
      expectSame(seen.target.slice(seen.target.indexOf('/v1/')), `/v1/messages?${query}`, 'the request target at the upstream')
    },
  ),
)

async function list(context: CaseContext, headers: readonly Header[]): Promise<readonly string[]> {
  const seen = await forwarded(context, { headers })
  return valuesOf(seen.headers, 'anthropic-beta').flatMap((value) => value.split(',').map((each) => each.trim()))
}

/** Cases about the headers of requests. */
export const REQUEST_HEADERS: readonly ConformanceCase[] = [
  ...headerCases,
  conformanceCase(
    {
      id: 'header-betas-repeated',
      group: 'request-headers',
      title: 'Betas in three header lines all arrive, in order',
      requirement: 'A header that is repeated is a list: no line of it is lost.',
      source: 'litellm#9016; RFC 9110 §5.3',
      severity: 'must',
    },
    async (context) => {
      expectSame(
        await list(context, [
          ['anthropic-beta', 'one-2026-01-01'],
          ['anthropic-beta', 'two-2026-01-01, three-2026-01-01'],
          ['anthropic-beta', 'four-2026-01-01'],
        ]),
        ['one-2026-01-01', 'two-2026-01-01', 'three-2026-01-01', 'four-2026-01-01'],
        'betas at the upstream',
      )
    },
  ),
  conformanceCase(
    {
      id: 'header-betas-none',
      group: 'request-headers',
      title: 'No beta is added that the client did not send',
      requirement: 'A beta that the client does not know changes replies under its feet, and a retired one is refused.',
      source: 'litellm#20021, claude-code#82549, CLIProxyAPI#2866',
      severity: 'must',
    },
    async (context) => {
      expectSame(await list(context, []), [], 'betas at the upstream')
      expectSame(await list(context, [['anthropic-beta', 'one-2026-01-01']]), ['one-2026-01-01'], 'betas at the upstream')
    },
  ),
  conformanceCase(
    {
      id: 'header-repeated',
      group: 'request-headers',
      title: 'A repeated unknown header keeps all its values, in order',
      requirement: 'No value of a repeated header is lost.',
      source: 'RFC 9110 §5.3',
      severity: 'should',
    },
    async (context) => {
      const seen = await forwarded(context, {
        headers: [
          ['x-zz-twice', 'a'],
          ['x-zz-twice', 'b'],
        ],
      })
      expectSame(valueOf(seen.headers, 'x-zz-twice')?.replaceAll(' ', ''), 'a,b', 'x-zz-twice at the upstream')
    },
  ),
  conformanceCase(
    {
      id: 'header-host',
      group: 'request-headers',
      title: 'The upstream’s host is asked for, not the gateway’s',
      requirement: 'Host names the server that is asked; forwarding the client’s makes virtual hosts fail.',
      source: 'RFC 9110 §7.2',
      severity: 'should',
    },
    async (context) => {
      const seen = await forwarded(context)
      const host = valueOf(seen.headers, 'host')
      expectThat(host !== undefined && host !== new URL(context.target.url).host, `the upstream got Host: ${host ?? 'none'}`)
    },
  ),
  conformanceCase(
    {
      id: 'header-content-length',
      group: 'request-headers',
      title: 'The body’s length is announced upstream',
      requirement: 'The vendor’s client always announces it, and upstreams refuse bodies of unknown length.',
      source: 'Claude gateway protocol 2.1.330 §Client guarantees; RFC 9112 §6.2',
      severity: 'should',
    },
    async (context) => {
      let length = 0
      const seen = await forwarded(context, {
        body: (lane) => {
          const body = messageBody(lane)
          length = Buffer.byteLength(body)
          return body
        },
      })
      expectSame(valueOf(seen.headers, 'content-length'), String(length), 'content-length at the upstream')
    },
  ),
  ...hopCases,
  ...queryCases,
]
