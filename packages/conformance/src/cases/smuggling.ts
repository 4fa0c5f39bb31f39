import type { ConformanceCase, Severity } from '../case.ts'
import type { Header } from '../headers.ts'
import { json, messageBody, plainMessage } from '../upstream/replies.ts'
import { conformanceCase } from './conformance-case.ts'
import { expectSame, expectThat } from './expect.ts'
import { rawHead } from './raw-head.ts'

const SMUGGLING = 'RFC 9112 §6.3, §11.2: request smuggling'

/** Requests whose end two parsers could see at different places; `hidden` is a whole second request. */
const AMBIGUOUS: readonly (readonly [id: string, title: string, headers: (hidden: string) => readonly Header[], body: (hidden: string) => string])[] = [
  [
    'cl-te',
    'Content-Length and Transfer-Encoding',
    () => [
      ['Content-Length', '5'],
      ['Transfer-Encoding', 'chunked'],
    ],
    (hidden) => `0\r\n\r\n${hidden}`,
  ],
  [
    'te-cl',
    'Transfer-Encoding and Content-Length',
    (hidden) => [
      ['Transfer-Encoding', 'chunked'],
      ['Content-Length', String(hidden.length + 5)],
    ],
    (hidden) => `0\r\n\r\n${hidden}`,
  ],
  [
    'two-lengths',
    'two different Content-Lengths',
    (hidden) => [
      ['Content-Length', '0'],
      ['Content-Length', String(hidden.length)],
    ],
    (hidden) => hidden,
  ],
  [
    'odd-coding',
    'an unknown Transfer-Encoding',
    () => [
      ['Transfer-Encoding', 'xchunked'],
      ['Content-Length', '0'],
    ],
    (hidden) => hidden,
  ],
  [
    'te-space',
    'a space before the colon of Transfer-Encoding',
    () => [
      ['Transfer-Encoding ', 'chunked'],
      ['Content-Length', '0'],
    ],
    (hidden) => hidden,
  ],
  ['sign-length', 'a Content-Length with a sign', () => [['Content-Length', '+0']], (hidden) => hidden],
]

const ambiguousCases = AMBIGUOUS.map(([id, title, headers, body]) =>
  conformanceCase(
    {
      id: `smuggle-${id}`,
      group: 'http',
      title: `A request with ${title} smuggles nothing in`,
      requirement: 'A message whose length is ambiguous is refused; what may follow it on the connection is not served as a request that nobody sent.',
      source: SMUGGLING,
      severity: 'must',
    },
    async (context) => {
      const lane = context.lane(json(plainMessage()))
      const hiddenLane = context.lane(json(plainMessage()))
      const hiddenBody = messageBody(hiddenLane.id)
      const hidden =
        rawHead(context, hiddenLane.id, `POST ${context.pathOf('/v1/messages')} HTTP/1.1`, [['Content-Length', String(Buffer.byteLength(hiddenBody))]]) +
        hiddenBody
      const connection = await context.connect()
      connection.write(rawHead(context, lane.id, `POST ${context.pathOf('/v1/messages')} HTTP/1.1`, headers(hidden)) + body(hidden))
      const { text } = await connection.settled(Math.max(600, context.graceMillis * 2))
      expectSame(hiddenLane.requests.length, 0, 'hidden requests that reached the upstream')
      const statuses = [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status))
      expectThat(statuses.every((status) => status === 400 || status === 501 || status === 411) || statuses.length <= 1, `answers with ${statuses.join(', ')}`)
    },
  ),
)

/** Heads that are wrong in themselves. */
const BAD_HEADS: readonly (readonly [id: string, title: string, line: (path: string) => string, extra: readonly Header[], severity: Severity])[] = [
  [
    'obs-fold',
    'A header value that is folded over two lines',
    (path) => `POST ${path} HTTP/1.1`,
    [
      ['x-zz-folded', 'a\r\n b'],
      ['Content-Length', '0'],
    ],
    'should',
  ],
  [
    'nul',
    'A NUL in a header value',
    (path) => `POST ${path} HTTP/1.1`,
    [
      ['x-zz', 'a\0b'],
      ['Content-Length', '0'],
    ],
    'should',
  ],
  [
    'bare-cr',
    'A bare CR in a header value',
    (path) => `POST ${path} HTTP/1.1`,
    [
      ['x-zz', 'a\rX-Injected: 1'],
      ['Content-Length', '0'],
    ],
    'must',
  ],
  [
    'two-hosts',
    'Two Host headers',
    (path) => `POST ${path} HTTP/1.1`,
    [
      ['Host', 'one.example'],
      ['Host', 'two.example'],
      ['Content-Length', '0'],
    ],
    'may',
  ],
  ['bad-version', 'An HTTP version that there is not', (path) => `POST ${path} HTTP/9.9`, [['Content-Length', '0']], 'may'],
]

const badHeadCases = BAD_HEADS.map(([id, title, line, extra, severity]) =>
  conformanceCase(
    {
      id: `head-${id}`,
      group: 'http',
      title: `${title} is refused, or made harmless`,
      requirement: 'What RFC 9112 forbids is refused with a 400, or does not reach the upstream as it is.',
      source: 'RFC 9112 §2.3, §3.2, §5.2; RFC 9110 §5.5',
      severity,
    },
    async (context) => {
      const lane = context.lane(json(plainMessage()))
      const connection = await context.connect()
      connection.write(rawHead(context, lane.id, line(context.pathOf('/v1/messages')), extra))
      await connection.settled(Math.max(600, context.graceMillis * 2))
      const seen = lane.requests[0]
      if (seen === undefined) return
      const values = seen.headers.map(([name, value]) => `${name}: ${value}`).join('\n')
      // eslint-disable-next-line no-control-regex
      expectThat(!/\0|\r|^x-injected/im.test(values), 'the upstream got what RFC 9112 forbids')
      expectThat(id === 'obs-fold' || id === 'nul' || id === 'bare-cr' || id === 'two-hosts', 'forwarded')
    },
  ),
)

/** Cases about heads that parsers disagree on. */
export const SMUGGLED: readonly ConformanceCase[] = [...ambiguousCases, ...badHeadCases]
