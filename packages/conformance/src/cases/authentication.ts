import type { CaseContext, ConformanceCase, Severity } from '../case.ts'
import type { Header } from '../headers.ts'
import { pause } from '../unmet.ts'
import { answer, errorBody, json, JSON_HEADERS, messageBody, plainMessage, stream, textStream } from '../upstream/replies.ts'
import { conformanceCase } from './conformance-case.ts'
import { expectAnthropicError, expectSame, expectThat } from './expect.ts'
import { pass, type PassageOptions } from './through.ts'

const SOURCE = 'litellm CVE-2026-35030, bifrost#5768; Claude gateway protocol 2.1.330 §Errors'
const WRONG_KEY = 'sk-ant-wrong-key-of-the-conformance-suite-0000'

/** Requests that must not get in. */
const STRANGERS: readonly (readonly [id: string, title: string, severity: Severity, options: (context: CaseContext) => PassageOptions])[] = [
  ['none', 'without a credential', 'must', () => ({ key: null })],
  ['wrong', 'with a wrong key', 'must', () => ({ key: WRONG_KEY })],
  ['wrong-bearer', 'with a wrong bearer token', 'must', () => ({ key: null, headers: [['Authorization', `Bearer ${WRONG_KEY}`]] })],
  ['empty', 'with an empty key', 'must', () => ({ key: '' })],
  ['prefix', 'with all but the last character of a good key', 'must', (context) => ({ key: (context.target.key ?? '').slice(0, -1) })],
  ['longer', 'with a good key and one character more', 'must', (context) => ({ key: `${context.target.key ?? ''}x` })],
  ['query', 'with a good key in the query only', 'should', (context) => ({ key: null, path: `/v1/messages?api_key=${context.target.key ?? ''}` })],
  ['count', 'with a wrong key, to count tokens', 'must', () => ({ key: WRONG_KEY, path: '/v1/messages/count_tokens?beta=true' })],
  ['stream', 'with a wrong key, for a stream', 'must', () => ({ key: WRONG_KEY, body: (lane) => messageBody(lane, { stream: true }) })],
  ['files', 'with a wrong key, to an endpoint besides messages', 'must', () => ({ key: WRONG_KEY, method: 'GET', path: '/v1/files', body: null })],
  [
    'spoofed',
    'with headers that claim an identity',
    'must',
    () => ({
      key: null,
      headers: [
        ['x-forwarded-user', 'admin'],
        ['x-forwarded-for', '127.0.0.1'],
        ['x-real-ip', '127.0.0.1'],
      ],
    }),
  ],
]

const strangerCases = STRANGERS.map(([id, title, severity, options]) =>
  conformanceCase(
    {
      id: `stranger-${id}`,
      group: 'authentication',
      title: `A request ${title} is refused with a 401 that the SDKs read, and reaches nobody`,
      requirement: 'Who has no good key gets an authentication_error, and causes no upstream call.',
      source: SOURCE,
      severity,
      needs: ['authentication'],
    },
    async (context) => {
      const { lane, reply, bytes } = await pass(context, options(context))
      await pause(context.graceMillis)
      expectSame(lane.requests.length, 0, 'requests at the upstream')
      const isHidden = id === 'files' && (reply.status === 404 || reply.status === 403)
      expectThat(reply.status === 401 || isHidden, `status ${reply.status} instead of 401`)
      expectAnthropicError(reply, bytes)
      const key = context.target.key ?? ''
      expectThat(key.length < 8 || !bytes.toString('utf8').includes(key), 'the answer holds the good key')
      expectThat(!bytes.toString('utf8').includes(WRONG_KEY), 'the answer holds the key that was sent')
    },
  ),
)

/** Where a good key may stand. */
const PLACES: readonly (readonly [id: string, title: string, headers: (key: string) => readonly Header[]])[] = [
  ['x-api-key', 'in x-api-key', (key) => [['x-api-key', key]]],
  ['bearer', 'as a bearer token', (key) => [['Authorization', `Bearer ${key}`]]],
  [
    'both',
    'in both headers',
    (key) => [
      ['x-api-key', key],
      ['Authorization', `Bearer ${key}`],
    ],
  ],
]

const placeCases = PLACES.map(([id, title, headers]) =>
  conformanceCase(
    {
      id: `key-${id}`,
      group: 'authentication',
      title: `A good key ${title} is taken`,
      requirement: 'ANTHROPIC_API_KEY comes in x-api-key, ANTHROPIC_AUTH_TOKEN as a bearer token, an apiKeyHelper’s in both.',
      source: 'langfuse#17781; wire of Claude Code 2.1.330; Claude gateway protocol 2.1.330 §Bearer token',
      severity: id === 'both' ? 'should' : 'must',
      needs: ['authentication'],
    },
    async (context) => {
      // A target that was set up with one place for its key may know no other.
      if (
        context.target.authenticationHeader !== undefined &&
        context.target.authenticationHeader !== id &&
        !(id === 'bearer' && context.target.authenticationHeader === 'authorization')
      ) {
        return { verdict: 'skip', detail: `the target takes its key by ${context.target.authenticationHeader} only` }
      }
      const { reply } = await pass(context, { key: null, headers: headers(context.target.key ?? '') })
      expectSame(reply.status, 200, 'status')
      return { verdict: 'pass' }
    },
  ),
)

/** Everything of a request that the upstream can see, in one text. */
async function seenText(context: CaseContext, options: PassageOptions): Promise<string> {
  const { lane } = await pass(context, options)
  const seen = await lane.request()
  return [seen.target, ...seen.headers.map(([name, value]) => `${name}: ${value}`), (await seen.body()).toString('latin1')].join('\n')
}

/** Cases about keys. */
export const AUTHENTICATION: readonly ConformanceCase[] = [
  ...strangerCases,
  ...placeCases,
  conformanceCase(
    {
      id: 'stranger-should-retry',
      group: 'authentication',
      title: 'The 401 says x-should-retry: false',
      requirement: 'Without it Claude Code tries a bad key for three minutes before it says so.',
      source: 'Claude gateway protocol 2.1.330 §Errors; measured with Claude Code 2.1.330: 11 requests in 175 s',
      severity: 'should',
      needs: ['authentication'],
    },
    async (context) => {
      const { reply } = await pass(context, { key: WRONG_KEY })
      expectSame([reply.status, reply.header('x-should-retry')], [401, 'false'], 'status and x-should-retry')
    },
  ),
  conformanceCase(
    {
      id: 'stranger-large-body',
      group: 'authentication',
      title: 'A stranger’s body of 20 MB is refused like a small one',
      requirement: 'Who is not let in is answered in order, whatever they send.',
      source: 'claudex#6, cc-router#41',
      severity: 'should',
      needs: ['authentication'],
    },
    async (context) => {
      const { reply, lane } = await pass(context, { key: WRONG_KEY, body: (each) => messageBody(each, { padding: 'p'.repeat(20_000_000) }) })
      expectSame([reply.status, lane.requests.length], [401, 0], 'status and upstream requests')
    },
  ),
  conformanceCase(
    {
      id: 'stranger-beside-owner',
      group: 'authentication',
      title: 'While holders of keys are served, strangers are not',
      requirement: 'No answer about one key is used for another, also at the same moment.',
      source: 'litellm CVE-2026-35030',
      severity: 'must',
      needs: ['authentication'],
    },
    async (context) => {
      const outcomes = await Promise.all(
        Array.from(
          { length: 40 },
          async (_, index) => (await pass(context, index % 2 === 0 ? {} : { key: `${context.target.key ?? ''}${index}` })).reply.status,
        ),
      )
      expectSame(
        outcomes,
        Array.from({ length: 40 }, (_, index) => (index % 2 === 0 ? 200 : 401)),
        'statuses, holders and strangers in turn',
      )
    },
  ),
  ...PLACES.map(([id, title, headers]) =>
    conformanceCase(
      {
        id: `swap-${id}`,
        group: 'authentication',
        title: `The client’s key ${title} does not reach the upstream`,
        requirement: 'A gateway that has a credential of its own sends that one, and the client’s stays here: in no header, whatever its name.',
        source: 'litellm#42172; regression H6',
        severity: 'must',
        needs: ['authentication', 'credential-swap'],
      },
      async (context) => {
        if (context.target.authenticationHeader !== undefined && context.target.authenticationHeader !== id)
          return { verdict: 'skip', detail: `the target takes its key by ${context.target.authenticationHeader} only` }
        const text = await seenText(context, { key: null, headers: headers(context.target.key ?? '') })
        expectThat(!text.includes(context.target.key ?? '\0'), 'the upstream got the client’s key')
        expectThat(text.includes(context.target.upstreamKey ?? '\0'), 'the upstream did not get the gateway’s credential')
        return { verdict: 'pass' }
      },
    ),
  ),
  conformanceCase(
    {
      id: 'swap-other-credential',
      group: 'authentication',
      title: 'A second credential of the client does not reach the upstream either',
      requirement: 'Where the key came in one header, another credential in the other is not passed on beside the gateway’s.',
      source: 'langfuse#17781, litellm#42172',
      severity: 'must',
      needs: ['authentication', 'credential-swap'],
    },
    async (context) => {
      const isBearer = context.target.authenticationHeader === 'authorization'
      const canary = 'sk-ant-oat01-canary-of-the-conformance-suite'
      const lane = context.lane(json(plainMessage()))
      const reply = await context.send({
        lane: lane.id,
        body: messageBody(lane.id),
        headers: isBearer ? [['x-api-key', canary]] : [['Authorization', `Bearer ${canary}`]],
      })
      await reply.read()
      // Refusing two credentials is as good as dropping one.
      const seen = lane.requests[0]
      expectThat(seen === undefined || !JSON.stringify(seen.headers).includes(canary), 'the upstream got the client’s other credential')
    },
  ),
  conformanceCase(
    {
      id: 'swap-not-shown',
      group: 'authentication',
      title: 'The gateway’s credential is in no reply',
      requirement: 'Neither a reply nor an error shows what the gateway authenticates with.',
      source: 'claude-code-router#527, litellm#39293; regression R21',
      severity: 'must',
      needs: ['credential-swap'],
      disturbs: true,
    },
    async (context) => {
      const secret = context.target.upstreamKey ?? '\0'
      for (const script of [json(plainMessage()), stream(textStream()), answer(401, JSON_HEADERS, errorBody('authentication_error', 'invalid x-api-key'))]) {
        const { reply, bytes } = await pass(context, { script })
        expectThat(!bytes.toString('latin1').includes(secret) && !JSON.stringify(reply.headers).includes(secret), 'a reply holds the gateway’s credential')
      }
    },
  ),
]
