import type { ConformanceCase, Severity } from '../case.ts'
import type { Header } from '../headers.ts'
import { answer, block, errorBody, frame, messageBody, messageStart, stream } from '../upstream/replies.ts'
import { conformanceCase } from './conformance-case.ts'
import { expectBytes, expectSame, expectStream, expectThat } from './expect.ts'
import { pass } from './through.ts'

/** Statuses that upstreams answer with, what type of error goes with each, and what Claude Code does that another status would change. */
const STATUSES: readonly (readonly [status: number, type: string, severity: Severity, why: string])[] = [
  [400, 'invalid_request_error', 'must', 'Claude Code reads its wording, and mends the request'],
  [401, 'authentication_error', 'should', 'the client says that its credential is wrong'],
  [402, 'billing_error', 'must', 'Claude Code stops after one request'],
  [403, 'permission_error', 'should', 'Claude Code stops after one request'],
  [404, 'not_found_error', 'must', 'Claude Code names the model as the cause'],
  [405, 'invalid_request_error', 'should', 'not retried'],
  [408, 'timeout_error', 'should', 'retried'],
  [409, 'conflict_error', 'should', 'retried'],
  [410, 'not_found_error', 'may', 'not retried'],
  [413, 'request_too_large', 'must', 'Claude Code makes the request smaller'],
  [415, 'invalid_request_error', 'may', 'not retried'],
  [422, 'invalid_request_error', 'should', 'Claude Code mends the request'],
  [424, 'invalid_request_error', 'may', 'not retried'],
  [429, 'rate_limit_error', 'must', 'retried as retry-after says'],
  [451, 'permission_error', 'may', 'not retried'],
  [500, 'api_error', 'must', 'retried with back-off'],
  [501, 'not_supported', 'should', 'the client falls back'],
  [502, 'api_error', 'should', 'retried'],
  [503, 'overloaded_error', 'should', 'retried'],
  [504, 'timeout_error', 'must', 'retried'],
  [520, 'api_error', 'should', 'retried'],
  [522, 'api_error', 'may', 'retried'],
  [524, 'timeout_error', 'may', 'retried'],
  [529, 'overloaded_error', 'must', 'Claude Code gives up after three, and names the overload'],
]

const ERROR_HEADERS: readonly Header[] = [
  ['Content-Type', 'application/json'],
  ['request-id', 'req_011CUxConformance00000003'],
  // Keeps a gateway that retries from trying the suite's patience.
  ['x-should-retry', 'false'],
]

const statusCases = STATUSES.map(([status, type, severity, why]) =>
  conformanceCase(
    {
      id: `status-${status}`,
      group: 'errors',
      title: `Status ${status} and its body reach the client unchanged`,
      requirement: `The upstream’s error is the client’s: the same status and the same bytes. ${status} matters because of what follows: ${why}.`,
      source: 'fak#1361, langwatch#6207, litellm#39589; Claude Code 2.1.330, measured',
      severity,
      disturbs: status >= 401,
    },
    async (context) => {
      const body = errorBody(type, `The upstream says ${status}.`)
      const { reply, bytes } = await pass(context, { body: (lane) => messageBody(lane, { stream: true }), script: answer(status, ERROR_HEADERS, body) })
      expectSame(reply.status, status, 'status')
      expectBytes(bytes, body, 'the error at the client')
    },
  ),
)

/** Errors whose bytes matter. */
interface ErrorCase {
  readonly id: string
  readonly title: string
  readonly requirement: string
  readonly source: string
  readonly severity: Severity
  readonly status: number
  readonly body: string
  readonly headers?: readonly Header[]
}

const ERRORS: readonly ErrorCase[] = [
  {
    id: 'error-prompt-too-long',
    title: 'The wording of “prompt is too long” reaches the client',
    requirement: 'Claude Code compacts the conversation when it reads exactly this message; wrapped or reworded, the session is stuck.',
    source: 'Claude Code 2.1.330, measured; Claude gateway protocol 2.1.330 §Proxying',
    severity: 'must',
    status: 400,
    body: errorBody('invalid_request_error', 'prompt is too long: 205311 tokens > 200000 maximum'),
  },
  {
    id: 'error-safeguards',
    title: 'A 400 that names safeguards reaches the client',
    requirement: 'The client retries without the field when the message names it.',
    source: 'Claude gateway protocol 2.1.330 §Messages',
    severity: 'must',
    status: 400,
    body: errorBody('invalid_request_error', 'safeguards: Extra inputs are not permitted'),
  },
  {
    id: 'error-extra-fields',
    title: 'Unknown fields and odd formatting of an error stay',
    requirement: 'An error is passed as bytes, not read and written anew.',
    source: 'litellm#14107, aisix#352',
    severity: 'should',
    status: 400,
    body: '{ "error" : {"message":"no \\u00e9","details":{"error_code":"dlp_request_denied","n":9007199254740993},\n"type":"invalid_request_error"},"type":"error" }\n',
  },
  {
    id: 'error-html',
    title: 'An HTML error page of something before the upstream keeps status and type',
    requirement: 'A page is passed with its content type, so that the client sees that this was no API answer; its status stays.',
    source: 'evenfire#287; Claude Code changelog 2.1.234',
    severity: 'should',
    status: 502,
    body: '<html><body><h1>502 Bad Gateway</h1></body></html>\n',
    headers: [
      ['Content-Type', 'text/html; charset=utf-8'],
      ['x-should-retry', 'false'],
    ],
  },
  {
    id: 'error-text',
    title: 'An error in plain text keeps status and bytes',
    requirement: 'What is no JSON is passed as it is.',
    source: 'litellm#39589',
    severity: 'should',
    status: 500,
    body: 'upstream connect error or disconnect/reset before headers',
    headers: [
      ['Content-Type', 'text/plain'],
      ['x-should-retry', 'false'],
    ],
  },
  {
    id: 'error-empty',
    title: 'An error without a body keeps its status',
    requirement: 'An empty error is passed, or filled with an Anthropic error; its status stays.',
    source: 'langwatch#6207',
    severity: 'should',
    status: 503,
    body: '',
    headers: [['x-should-retry', 'false']],
  },
  {
    id: 'error-large',
    title: 'An error of 300 KB arrives whole',
    requirement: 'Errors are not cut.',
    source: 'litellm#14107',
    severity: 'may',
    status: 400,
    body: errorBody('invalid_request_error', 'é'.repeat(150_000)),
  },
]

const errorCases = ERRORS.map(({ id, title, requirement, source, severity, status, body, headers }) =>
  conformanceCase({ id, group: 'errors', title, requirement, source, severity, disturbs: status >= 500 }, async (context) => {
    const { reply, bytes } = await pass(context, { script: answer(status, headers ?? ERROR_HEADERS, body) })
    expectSame(reply.status, status, 'status')
    if (body !== '') expectBytes(bytes, body, 'the error at the client')
    if (headers?.[0]?.[0] === 'Content-Type') expectSame(reply.header('content-type'), headers[0][1], 'content-type at the client')
  }),
)

/** Headers that tell a client what to do about an error. */
const MANNERS: readonly (readonly [id: string, status: number, header: Header, severity: Severity])[] = [
  ['retry-after-seconds', 429, ['retry-after', '17'], 'must'],
  ['retry-after-date', 503, ['retry-after', 'Wed, 01 Dec 2027 00:00:00 GMT'], 'should'],
  ['retry-after-ms', 429, ['retry-after-ms', '2750'], 'should'],
  ['should-retry-false', 429, ['x-should-retry', 'false'], 'must'],
  ['should-retry-true', 400, ['x-should-retry', 'true'], 'must'],
  ['request-id', 529, ['request-id', 'req_011CUxOfAnError'], 'should'],
  ['rate-limit', 429, ['anthropic-ratelimit-requests-remaining', '0'], 'should'],
]

const mannerCases = MANNERS.map(([id, status, [name, value], severity]) =>
  conformanceCase(
    {
      id: `error-header-${id}`,
      group: 'errors',
      title: `${name}: ${value} reaches the client with a ${status}`,
      requirement: 'Without it the client retries blindly for minutes, or not at all.',
      source: 'litellm#37754, haskell-agent#1300, teamclaude#431',
      severity,
      disturbs: true,
    },
    async (context) => {
      const retry: Header[] = name === 'x-should-retry' || name.startsWith('retry-after') ? [] : [['x-should-retry', 'false']]
      const { reply } = await pass(context, {
        script: answer(status, [['Content-Type', 'application/json'], ...retry, [name, value]], errorBody('rate_limit_error', 'Slow down.')),
      })
      expectSame(reply.status, status, 'status')
      expectSame(reply.header(name), value, `${name} at the client`)
    },
  ),
)

/** Errors inside a stream, which come after a 200. */
const STREAM_ERRORS: readonly (readonly [id: string, type: string, before: readonly string[], title: string])[] = [
  ['first', 'overloaded_error', [], 'An error event as the first event of a stream passes'],
  ['after-start', 'overloaded_error', [messageStart()], 'An overloaded_error event after message_start passes with its type'],
  [
    'in-block',
    'api_error',
    [messageStart(), ...block(0, { type: 'text', text: '' }, [{ type: 'text_delta', text: 'half an ans' }]).slice(0, -1)],
    'An api_error event inside a block passes with its type',
  ],
  ['unknown-type', 'zz_new_error', [messageStart()], 'An error event of an unknown type passes'],
]

const streamErrorCases = STREAM_ERRORS.map(([id, type, before, title]) =>
  conformanceCase(
    {
      id: `stream-error-${id}`,
      group: 'errors',
      title,
      requirement:
        'An error event of the upstream reaches the client as it is; nothing is put after it that looks like a normal end, and nothing is asked again.',
      source: 'litellm#41826, mlflow#25897, nuguard#455; Anthropic API docs, streaming errors',
      severity: 'must',
      disturbs: true,
    },
    async (context) => {
      const pieces = [...before, frame('error', { type: 'error', error: { type, message: 'It broke.', zz: 1 } })]
      const { reply, bytes, lane } = await pass(context, { body: (each) => messageBody(each, { stream: true }), script: stream(pieces) })
      // A gateway that waits for the first event may turn an error that comes first into a status; in a stream it stays what it was.
      if (before.length === 0 && reply.status >= 500) return
      expectSame(reply.status, 200, 'status')
      expectStream(bytes, pieces.join(''), 'the stream at the client')
      expectThat(before.length === 0 || lane.requests.length === 1, `the upstream was asked ${lane.requests.length} times`)
    },
  ),
)

/** Cases about errors that the upstream answers with. */
export const ERRORS_OF_UPSTREAM: readonly ConformanceCase[] = [...statusCases, ...errorCases, ...mannerCases, ...streamErrorCases]
