import type { CaseContext, ConformanceCase, Severity, Verdict } from '../case.ts'
import type { Header } from '../headers.ts'
import { json, JSON_HEADERS, messageBody, plainMessage } from '../upstream/replies.ts'
import { conformanceCase, type Check } from './conformance-case.ts'
import { brief, expectAnthropicError, expectSame, expectThat } from './expect.ts'
import { forwarded, pass, type Passage } from './through.ts'

/** The version whose document these cases were taken from: what `GET /protocol` of `claude gateway` serves, in @anthropic-ai/claude-code of that version. */
export const GATEWAY_PROTOCOL_VERSION = '2.1.330'

function protocolCase(
  id: string,
  section: string,
  severity: Severity,
  title: string,
  requirement: string,
  check: Check,
  needs?: ConformanceCase['needs'],
): ConformanceCase {
  return conformanceCase(
    {
      id: `protocol-${id}`,
      group: 'gateway-protocol',
      title,
      requirement,
      source: `Claude gateway protocol ${GATEWAY_PROTOCOL_VERSION} §${section}`,
      severity,
      ...(needs === undefined ? {} : { needs }),
    },
    check,
  )
}

function get(context: CaseContext, path: string, headers: readonly Header[] = [], key?: null): Promise<Passage> {
  return pass(context, {
    method: 'GET',
    path,
    body: null,
    headers,
    ...(key === undefined ? {} : { key }),
    script: json('{"type":"error","error":{"type":"not_found_error","message":"not here"}}', JSON_HEADERS),
  })
}

/** A JSON object that the gateway itself has answered with; a verdict where the endpoint, being optional, is not there or is forwarded. */
function own({ reply, bytes, lane }: Passage): Readonly<Record<string, unknown>> | Verdict {
  if (lane.requests.length > 0) return { verdict: 'skip', detail: 'the gateway forwards this path: it does not offer the endpoint itself' }
  if (reply.status !== 200) return { verdict: 'skip', detail: `the gateway does not offer the endpoint: status ${reply.status}` }
  let parsed: unknown
  try {
    parsed = JSON.parse(bytes.toString('utf8'))
  } catch {
    expectThat(false, `not JSON: ${brief(bytes.toString('utf8'))}`)
  }
  expectThat(typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed), 'no JSON object')
  return parsed as Readonly<Record<string, unknown>>
}

const isVerdict = (value: Readonly<Record<string, unknown>> | Verdict): value is Verdict => typeof value['verdict'] === 'string'

/** The sign-in metadata, with what a check makes of it; skipped where the gateway has no sign-in. */
function signIn(check: (metadata: Readonly<Record<string, unknown>>, context: CaseContext) => Promise<void> | void): Check {
  return async (context) => {
    const metadata = own(await get(context, '/.well-known/oauth-authorization-server', [], null))
    if (isVerdict(metadata)) return metadata
    await check(metadata, context)
    return { verdict: 'pass' }
  }
}

/** The path of an endpoint that the metadata names, or of the place where the client looks by itself. */
function endpointPath(metadata: Readonly<Record<string, unknown>>, name: string, fallback: string, context: CaseContext): string {
  const url = metadata[name]
  const base = new URL(context.target.url)
  return typeof url === 'string' && URL.canParse(url) && new URL(url).origin === base.origin
    ? new URL(url).pathname.slice(base.pathname.replace(/\/$/, '').length)
    : fallback
}

const FORM: readonly Header[] = [
  ['Content-Type', 'application/x-www-form-urlencoded'],
  ['User-Agent', 'claude-code/2.1.330'],
]

function post(context: CaseContext, path: string, form: string): Promise<Passage> {
  return pass(context, { path, key: null, headers: FORM, body: () => form })
}

const MANAGED = '/managed/settings'

/** Cases that say what the protocol of Anthropic's own gateway asks of any server that speaks it. */
export const GATEWAY_PROTOCOL: readonly ConformanceCase[] = [
  protocolCase(
    'unknown-field',
    'Flow',
    'must',
    'A body field that a future release adds does not fail the request',
    'What is not recognised is not rejected: body fields go to the upstream unchanged.',
    async (context) => {
      const seen = await forwarded(context, { body: (lane) => messageBody(lane, { zz_release_2027: { on: true } }) })
      expectThat((await seen.body()).includes('"zz_release_2027":{"on":true}'), 'the field did not reach the upstream')
    },
  ),
  protocolCase(
    'unknown-beta',
    'Flow',
    'must',
    'A beta that a future release adds does not fail the request',
    'anthropic-beta values go to the upstream unchanged.',
    async (context) => {
      const seen = await forwarded(context, { headers: [['anthropic-beta', 'zz-release-2027-01-01']] })
      expectThat(JSON.stringify(seen.headers).includes('zz-release-2027-01-01'), 'the beta did not reach the upstream')
    },
  ),
  protocolCase(
    'unknown-header',
    'Flow',
    'must',
    'A header that a future release adds does not fail the request',
    'Other headers are forwarded or dropped, but no request fails over them.',
    async (context) => {
      await forwarded(context, {
        headers: [
          ['x-claude-code-zz-2027', 'new'],
          ['x-stainless-zz', 'new'],
          ['x-app', 'zz'],
        ],
      })
    },
  ),
  protocolCase(
    'messages-beta-query',
    'Messages',
    'must',
    'POST /v1/messages?beta=true is served',
    'The Messages API, unchanged, with the query that the client sends.',
    async (context) => {
      await forwarded(context, { path: '/v1/messages?beta=true' })
    },
  ),
  protocolCase(
    'request-tags',
    'Billing group',
    'should',
    'A request with tags is served',
    'tags and their beta are passed or taken out; the request does not fail over them.',
    async (context) => {
      await forwarded(context, { body: (lane) => messageBody(lane, { tags: { project: 'zz' } }) })
    },
  ),
  protocolCase(
    'bearer',
    'Bearer token',
    'must',
    'A bearer token is taken on messages, counts and models alike',
    'The same token works across every endpoint that asks for one.',
    async (context) => {
      if (context.target.authenticationHeader === 'x-api-key') return { verdict: 'skip', detail: 'the target takes its key by x-api-key only' }
      const headers: readonly Header[] = [['Authorization', `Bearer ${context.target.key ?? ''}`]]
      const messages = await pass(context, { key: null, headers })
      const count = await pass(context, { key: null, headers, path: '/v1/messages/count_tokens', script: json('{"input_tokens":1}') })
      const models = await pass(context, { key: null, headers, method: 'GET', path: '/v1/models', body: null, script: json('{"data":[]}') })
      expectSame(messages.reply.status, 200, 'status of messages')
      for (const { reply } of [count, models]) expectThat([200, 404, 501].includes(reply.status), `status ${reply.status}`)
      return { verdict: 'pass' }
    },
    ['authentication'],
  ),
  protocolCase(
    'error-401',
    'Errors',
    'must',
    'A bad bearer token is a 401 authentication_error',
    'Missing, expired or invalid bearer.',
    async (context) => {
      const { reply, bytes } = await pass(context, { key: null, headers: [['Authorization', 'Bearer expired-or-wrong']] })
      expectSame([reply.status, expectAnthropicError(reply, bytes)], [401, 'authentication_error'], 'status and type')
    },
    ['authentication'],
  ),
  protocolCase(
    'error-5xx',
    'Errors',
    'should',
    'What the gateway cannot do is an api_error or overloaded_error',
    '5xx carry api_error, 529 overloaded_error.',
    async (context) => {
      const down = await context.upstreamDown()
      try {
        const { reply, bytes } = await pass(context)
        expectThat(reply.status >= 500, `status ${reply.status}`)
        const type = expectAnthropicError(reply, bytes)
        expectThat(['api_error', 'overloaded_error', 'timeout_error'].includes(type), `type ${type}`)
      } finally {
        await down.resume()
      }
    },
  ),
  protocolCase(
    'telemetry',
    'Telemetry',
    'should',
    'Telemetry is answered 200, or at least in order',
    'A 404 makes the exporter log an error at each flush: gateways answer 200 whether they forward or discard.',
    async (context) => {
      const statuses: number[] = []
      for (const signal of ['metrics', 'logs', 'traces']) {
        const { reply } = await pass(context, { path: `/v1/${signal}`, body: () => '{"resourceMetrics":[]}', script: json('{}') })
        statuses.push(reply.status)
      }
      expectSame(statuses, [200, 200, 200], 'statuses of metrics, logs and traces')
    },
  ),
  protocolCase(
    'models-404',
    'Models',
    'must',
    'The list of models is a list, or a clean 404',
    'Both are understood by the client; anything else is not.',
    async (context) => {
      const { reply, bytes } = await pass(context, {
        method: 'GET',
        path: '/v1/models',
        body: null,
        script: json('{"data":[{"type":"model","id":"claude-sonnet-4-5","display_name":"Claude Sonnet 4.5"}]}'),
      })
      expectThat(reply.status === 404 || (reply.status === 200 && bytes.includes('"data"')), `status ${reply.status}: ${brief(bytes.toString('utf8'))}`)
    },
  ),
  protocolCase(
    'managed-wrapper',
    'Managed settings',
    'must',
    'Managed settings, where there are any, come with uuid, checksum and settings',
    'A 200 without that wrapper counts as a failed fetch.',
    async (context) => {
      const settings = own(await get(context, MANAGED))
      if (isVerdict(settings)) return settings
      expectThat(
        typeof settings['uuid'] === 'string' && typeof settings['checksum'] === 'string' && typeof settings['settings'] === 'object',
        `not the wrapper: ${brief(JSON.stringify(settings))}`,
      )
      return { verdict: 'pass' }
    },
  ),
  protocolCase(
    'managed-no-304',
    'Managed settings',
    'must',
    'Managed settings are not answered 304 to who did not ask for it',
    'The client counts a 304 that it did not ask for as a failed fetch.',
    async (context) => {
      const { reply, lane } = await get(context, MANAGED)
      if (lane.requests.length > 0) return { verdict: 'skip', detail: 'the gateway forwards this path' }
      expectThat(reply.status !== 304, 'status 304')
      return { verdict: 'pass' }
    },
  ),
  protocolCase(
    'managed-etag',
    'Managed settings',
    'may',
    'Managed settings that are unchanged are answered 304, or 200 again',
    'With If-None-Match of the checksum, 304 keeps polling cheap.',
    async (context) => {
      const settings = own(await get(context, MANAGED))
      if (isVerdict(settings)) return settings
      const { reply } = await get(context, MANAGED, [['If-None-Match', `"${String(settings['checksum'])}"`]])
      expectThat(reply.status === 304 || reply.status === 200, `status ${reply.status}`)
      return { verdict: 'pass' }
    },
  ),
  protocolCase(
    'managed-redirect',
    'Managed settings',
    'must',
    'Managed settings are no redirect and no failure',
    'Fixed paths are resolved against the base, never a redirect; 404 means that there is no policy.',
    async (context) => {
      const { reply } = await get(context, MANAGED)
      expectThat(reply.status < 300 || reply.status === 304 || (reply.status >= 400 && reply.status < 500), `status ${reply.status}`)
    },
  ),
  protocolCase(
    'usage',
    'Usage-limit headers',
    'should',
    'The usage endpoint, where there is one, has limits and numbers in cents',
    'monthly_limit and used_credits are numbers or null, and limits is a list.',
    async (context) => {
      const usage = own(await get(context, '/api/oauth/usage'))
      if (isVerdict(usage)) return usage
      const extra = usage['extra_usage'] as Readonly<Record<string, unknown>> | undefined
      expectThat(Array.isArray(usage['limits']), 'no list of limits')
      expectThat(extra === undefined || ['number', 'object'].includes(typeof extra['monthly_limit']), 'monthly_limit is no number')
      return { verdict: 'pass' }
    },
  ),
  protocolCase(
    'discovery',
    'Discovery',
    'must',
    'The sign-in metadata names a device and a token endpoint',
    'device_authorization_endpoint and token_endpoint are absolute URLs on the gateway’s own origin; else the client uses its default paths.',
    signIn((metadata) => {
      for (const name of ['device_authorization_endpoint', 'token_endpoint'])
        expectThat(typeof metadata[name] === 'string' && URL.canParse(metadata[name]), `${name} is no URL`)
      expectThat(metadata['authorization_endpoint'] === undefined, 'authorization_endpoint is there, which is to be absent')
    }),
  ),
  protocolCase(
    'device-authorization',
    'Device authorization',
    'must',
    'Asking for a device code answers with codes, a place, an expiry and an interval',
    'No client_id and no scope is required; unknown parameters are ignored.',
    signIn(async (metadata, context) => {
      const { reply, bytes } = await post(
        context,
        endpointPath(metadata, 'device_authorization_endpoint', '/oauth/device_authorization', context),
        'surface=claude_code&zz_new=1',
      )
      expectSame(reply.status, 200, 'status')
      const codes = JSON.parse(bytes.toString('utf8')) as Readonly<Record<string, unknown>>
      for (const name of ['device_code', 'user_code', 'verification_uri'])
        expectThat(typeof codes[name] === 'string' && codes[name] !== '', `${name} is missing`)
      expectThat(typeof codes['expires_in'] === 'number', 'expires_in is no number')
    }),
  ),
  protocolCase(
    'token-pending',
    'Token',
    'must',
    'Polling for a token that nobody has approved is a 400 authorization_pending',
    'Or slow_down, with 400 or 429.',
    signIn(async (metadata, context) => {
      const device = await post(context, endpointPath(metadata, 'device_authorization_endpoint', '/oauth/device_authorization', context), 'surface=claude_code')
      const { device_code: code } = JSON.parse(device.bytes.toString('utf8')) as { readonly device_code?: string }
      const { reply, bytes } = await post(
        context,
        endpointPath(metadata, 'token_endpoint', '/oauth/token', context),
        `grant_type=${encodeURIComponent('urn:ietf:params:oauth:grant-type:device_code')}&device_code=${encodeURIComponent(code ?? '')}`,
      )
      expectThat(
        (reply.status === 400 || reply.status === 429) && /"error"\s*:\s*"(?:authorization_pending|slow_down)"/.test(bytes.toString('utf8')),
        `status ${reply.status}: ${brief(bytes.toString('utf8'))}`,
      )
    }),
  ),
  protocolCase(
    'token-refresh',
    'Token',
    'must',
    'A refresh token that is not good is a 401 invalid_grant',
    'This is how someone who has left is signed out.',
    signIn(async (metadata, context) => {
      const { reply, bytes } = await post(
        context,
        endpointPath(metadata, 'token_endpoint', '/oauth/token', context),
        'grant_type=refresh_token&refresh_token=not-a-good-one',
      )
      expectThat(reply.status === 401 && bytes.toString('utf8').includes('invalid_grant'), `status ${reply.status}: ${brief(bytes.toString('utf8'))}`)
    }),
  ),
  protocolCase(
    'no-lists-of-betas',
    'Messages',
    'must',
    'Twenty requests with features in every combination are all served',
    'No combination of known and unknown betas and fields is a reason to fail.',
    async (context) => {
      for (let round = 0; round < 20; round += 1) {
        const extra = {
          ...(round % 2 === 0 ? { safeguards: [] } : {}),
          ...(round % 3 === 0 ? { context_management: { edits: [] } } : {}),
          ...(round % 5 === 0 ? { zz: round } : {}),
        }
        const { reply } = await pass(context, {
          headers: [['anthropic-beta', `zz-${round}-2027-01-01,effort-2025-11-24`]],
          body: (lane) => messageBody(lane, extra),
          script: json(plainMessage()),
        })
        expectSame(reply.status, 200, `status of combination ${round}`)
      }
    },
  ),
].map((each) => (each.id === 'protocol-error-5xx' ? { ...each, disturbs: true } : each))
