import assert from 'node:assert/strict'
import { canaryClientKey, canaryUpstreamKey } from '../fixtures/profiles.ts'
import { header, type Headers } from '../support/client.ts'
import { joinBytes } from '@sluice/rehearsal'
import { eventStream, json, jsonReply, messageRequest, streamFrames, streamReply } from '../support/replies.ts'
import type { Capabilities } from '../runtimes/runtime.ts'
import type { BehaviourCase } from './case.ts'

const requestHeaders: Headers = [
  ['x-test-once', 'a value, with a comma; and=more'],
  ['anthropic-version', '2023-06-01'],
  ['anthropic-beta', 'claude-code-20250219'],
  ['anthropic-beta', 'made-up-2099-01-01'],
  ['X-Claude-Code-Session-Id', '0b9f2a64'],
  ['x-stainless-lang', 'js'],
  ['x-app', 'cli'],
  ['user-agent', 'claude-cli/2.1.330 (external, cli)'],
  ['accept', 'application/json'],
  ['accept-language', '*'],
  ['sec-fetch-mode', 'cors'],
  ['content-type', 'application/json'],
  ['x-test-empty', ''],
]

const latin: Headers = [['x-test-latin', 'caf\u00e9']]

const replyHeaders: Headers = [
  ['content-type', 'application/json'],
  ['request-id', 'req_011CTest'],
  ['anthropic-organization-id', '2b1f6c1e-6b4c-4c25-b1d2-0f6a3b8f7d11'],
  ['anthropic-ratelimit-requests-limit', '4000'],
  ['anthropic-ratelimit-requests-remaining', '3999'],
  ['anthropic-ratelimit-requests-reset', '2026-11-24T12:00:01Z'],
  ['anthropic-ratelimit-input-tokens-limit', '4000000'],
  ['anthropic-ratelimit-output-tokens-limit', '800000'],
  ['anthropic-ratelimit-unified-status', 'allowed_warning'],
  ['anthropic-ratelimit-unified-5h-utilization', '0.83'],
  ['anthropic-ratelimit-unified-reset', '1790000000'],
  ['retry-after', '17'],
  ['x-should-retry', 'true'],
  ['cf-cache-status', 'DYNAMIC'],
  ['strict-transport-security', 'max-age=31536000; includeSubDomains; preload'],
  ['content-security-policy', "default-src 'none'; frame-ancestors 'none'"],
  ['x-robots-tag', 'none'],
  ['vary', 'Accept-Encoding'],
  ['x-made-up', 'first'],
  ['x-made-up', 'second'],
  ['set-cookie', 'a=1; Path=/'],
  ['set-cookie', 'b=2; Path=/'],
]

/** Sorted lines, lower-case names, repeats as the runtime leaves them. */
function lines(headers: Headers, repeats: Capabilities['requestRepeats'], without: readonly string[]): readonly string[] {
  const kept = headers.map(([name, value]) => [name.toLowerCase(), value] as const).filter(([name]) => !without.includes(name))
  if (repeats === 'kept') return kept.map(([name, value]) => `${name}: ${value}`).toSorted()
  const joined = new Map<string, string>()
  const cookies: string[] = []
  for (const [name, value] of kept) {
    if (name === 'set-cookie') cookies.push(`${name}: ${value}`)
    else joined.set(name, joined.has(name) ? `${joined.get(name)}, ${value}` : value)
  }
  return [...cookies, ...Array.from(joined, ([name, value]) => `${name}: ${value}`)].toSorted()
}

export const headerCases: readonly BehaviourCase[] = [
  {
    id: 'request-headers',
    title: "R4 request headers reach the upstream as they came, less the documented list, plus the upstream's credential",
    run: async (target) => {
      target.answer(jsonReply())
      const dropped: Headers = [
        ['x-api-key', canaryClientKey],
        ['authorization', `Bearer ${canaryClientKey}`],
        ['cookie', 'session=1'],
        ['proxy-authorization', 'Basic eA=='],
        ['x-forwarded-for', '10.0.0.1'],
        ['x-forwarded-anything', '1'],
        ['forwarded', 'for=10.0.0.1'],
        ['via', '1.1 front'],
        ['x-real-ip', '10.0.0.1'],
        ['x-sluice-anything', '1'],
        ['te', 'trailers'],
        ['keep-alive', 'timeout=5'],
        ['connection', 'keep-alive, x-only-this-hop'],
        ['x-only-this-hop', '1'],
      ]
      assert.equal((await target.ask({ headers: [...requestHeaders, ...dropped], body: messageRequest })).status, 200)
      const transport = ['host', 'connection', 'content-length', 'accept-encoding', ...target.can.addedRequestHeaders]
      const expected = lines([...requestHeaders, ['x-api-key', canaryUpstreamKey]], target.can.requestRepeats, transport)
      assert.deepEqual(lines(target.theCall().rawHeaders, 'kept', transport), expected)
      assert.equal(target.theCall().header('accept-encoding'), 'identity')
      assert.equal(target.theCall().header('host'), new URL(target.upstream.url).host)
      assert.equal(Number(target.theCall().header('content-length')), messageRequest.length)
    },
  },
  {
    id: 'added-request-headers',
    title: 'R4 a runtime adds no request headers beyond those it is known to add',
    run: async (target) => {
      target.answer(jsonReply())
      await target.ask({ body: messageRequest })
      const known = new Set(['host', 'connection', 'content-length', 'content-type', 'accept-encoding', 'x-api-key', ...target.can.addedRequestHeaders])
      const added = target
        .theCall()
        .rawHeaders.map(([name]) => name.toLowerCase())
        .filter((name) => !known.has(name))
      assert.deepEqual(added, [])
      const present = new Set(target.theCall().rawHeaders.map(([name]) => name.toLowerCase()))
      assert.deepEqual(
        target.can.addedRequestHeaders.filter((name) => !present.has(name)),
        [],
        'what is declared as added is no longer added',
      )
    },
  },
  {
    id: 'reply-headers',
    title: 'R4 more than twenty reply headers reach the client as they came, less hop-by-hop',
    run: async (target) => {
      const hop: Headers = [
        ['keep-alive', 'timeout=5'],
        ['connection', 'keep-alive, x-only-this-hop'],
        ['x-only-this-hop', '1'],
        ['proxy-authenticate', 'Basic'],
        ['trailer', 'x-checksum'],
      ]
      for (const status of [200, 429]) {
        target.answer({ status, headers: [...replyHeaders, ...hop], steps: [{ bytes: '{}' }] })
        const answer = await target.ask({ body: messageRequest })
        assert.equal(answer.status, status)
        const transport = ['connection', 'keep-alive', 'transfer-encoding', 'content-length', ...target.can.addedReplyHeaders]
        assert.deepEqual(lines(answer.headers, 'kept', transport), lines(replyHeaders, target.can.replyRepeats, transport))
      }
    },
  },
  {
    id: 'latin-headers',
    title: 'R4 header values beyond ASCII arrive as the bytes they were, also when the head goes out before the body',
    notOn: ({ can }) => (can.latinHeaders ? undefined : 'the runtime takes headers for UTF-8'),
    run: async (target) => {
      for (const hasLateBody of [false, true]) {
        const gate = Promise.withResolvers<void>()
        const bytes = joinBytes(streamFrames())
        // Half a frame makes no byte for the client yet, so there the head stands alone.
        const steps = hasLateBody ? [{ bytes: bytes.subarray(0, 10) }, { until: gate.promise }, { bytes: bytes.subarray(10) }] : [{ bytes }]
        target.answer({ status: 200, headers: [...eventStream, ...latin], steps })
        if (hasLateBody) setTimeout(() => gate.resolve(), 200)
        const answer = await target.ask({ headers: latin, body: messageRequest })
        assert.equal(header(answer.headers, 'x-test-latin'), latin[0]?.[1], hasLateBody ? 'with a late body' : 'with the body')
        assert.equal(target.upstream.calls.at(-1)?.header('x-test-latin'), latin[0]?.[1])
      }
    },
  },
  {
    id: 'content-length',
    title: 'R4 a reply with a length keeps it where the runtime can, and travels chunked where it cannot',
    run: async (target) => {
      const body = '{"data":[]}'
      target.answer({ status: 200, headers: [...json, ['content-length', String(body.length)]], steps: [{ bytes: body }] })
      const answer = await target.ask({ method: 'GET', path: '/v1/models' })
      assert.equal(answer.body.toString(), body)
      assert.equal(header(answer.headers, 'content-length'), target.can.keepsContentLength ? String(body.length) : undefined)
      assert.equal(header(answer.headers, 'transfer-encoding'), target.can.keepsContentLength ? undefined : 'chunked')
    },
  },
  {
    id: 'unknown-routes',
    title: 'R3 unknown methods, paths, queries, headers and betas pass under /v1/',
    run: async (target) => {
      target.answer(jsonReply('{}'))
      const paths = [
        '/v1/anything?x=1',
        '/v1/anything/deep%2Fer/%E4%B8%96?a=b&a=c&d',
        '/v1/messages?beta=true&beta=false',
        '/v1/~tilde/$dollar/(paren)/a,b;c=d/e:f@g!*',
        '/v1/double//slash/?',
      ]
      for (const method of ['GET', 'PUT', 'DELETE', 'PATCH', 'POST', 'OPTIONS']) {
        for (const path of paths) {
          const hasBody = method === 'PUT' || method === 'PATCH' || method === 'POST' || method === 'DELETE'
          const answer = await target.ask({
            method,
            path,
            headers: [
              ['content-type', 'application/json'],
              ['x-made-up-tomorrow', 'yes'],
              ['anthropic-beta', 'made-up-2099-01-01'],
            ],
            ...(hasBody && { body: '{"model":"x"}' }),
          })
          assert.equal(answer.status, 200, `${method} ${path}: ${answer.body.toString()}`)
          const call = target.upstream.calls.at(-1)
          assert.deepEqual(
            [call?.method, call?.target, call?.header('x-made-up-tomorrow'), call?.header('anthropic-beta')],
            [method, path, 'yes', 'made-up-2099-01-01'],
          )
          assert.equal(Buffer.from(call?.body ?? []).toString(), hasBody ? '{"model":"x"}' : '')
        }
      }
    },
  },
  {
    id: 'odd-targets',
    title: 'R3 characters that a URL parser would escape arrive as they came where the runtime lets them',
    run: async (target) => {
      target.answer(jsonReply('{}'))
      for (const character of ['"', '<', '>', '`', '{', '}', '|', '^', "'"]) {
        const path = `/v1/odd${character}path?q=${character}`
        const answer = await target.ask({ method: 'GET', path })
        if (answer.status === 400) continue
        const seen = target.upstream.calls.at(-1)?.target ?? ''
        if (target.can.escapedInTarget.includes(character)) assert.equal(decodeURIComponent(seen), path)
        else assert.equal(seen, path)
      }
    },
  },
  {
    id: 'body-on-get',
    title: 'R3 GET with a body reaches the upstream with it',
    notOn: ({ can }) => (can.bodyOnGet ? undefined : 'fetch allows no body on GET'),
    run: async (target) => {
      target.answer(jsonReply('{}'))
      assert.equal((await target.ask({ method: 'GET', path: '/v1/search', headers: [['content-type', 'application/json']], body: '{"q":1}' })).status, 200)
      assert.equal(Buffer.from(target.theCall().body).toString(), '{"q":1}')
    },
  },
  {
    id: 'canaries',
    title: "R21 the upstream's key never reaches the client and the client's key never reaches the upstream, on success, error, cut and refusal",
    run: async (target) => {
      const seen: string[] = []
      const ask = async (path = '/v1/messages', key = canaryClientKey): Promise<void> => {
        const answer = await target.ask({
          path,
          profile: 'keyed',
          headers: [
            ['x-api-key', key],
            ['authorization', `Bearer ${key}`],
          ],
          body: messageRequest,
        })
        seen.push(`${answer.status} ${JSON.stringify(answer.headers)} ${answer.body.toString()}`)
      }
      target.answer(jsonReply())
      await ask()
      target.answer(streamReply([{ bytes: streamFrames()[0] as Uint8Array }, { cut: 'reset' }]))
      await ask()
      target.answer(jsonReply('{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}}', 401))
      await ask()
      target.answer(streamReply([{ cut: 'reset' }, { head: true }]))
      await ask()
      await ask('/v1/messages', 'a-key-that-nobody-knows')
      await ask('/elsewhere')
      assert.deepEqual(
        seen.map((line) => line.slice(0, 3)),
        ['200', '200', '401', '502', '401', '404'],
        seen.join('\n'),
      )
      // The stray path is not kept: no middleware saw it.
      const account = await target.settled(5)
      for (const [what, text] of Object.entries({ replies: seen.join('\n'), settlements: JSON.stringify(account), complaints: target.fixture.complaints() })) {
        assert.ok(!text.includes(canaryUpstreamKey), `the upstream's key stands in the ${what}`)
        if (what !== 'replies') assert.ok(!text.includes(canaryClientKey), `the client's key stands in the ${what}`)
      }
      // One more where a kept-alive connection broke before any reply, which is tried again on a fresh one.
      assert.ok([4, 5].includes(target.upstream.calls.length))
      for (const call of target.upstream.calls) {
        assert.ok(!JSON.stringify(call.rawHeaders).includes(canaryClientKey))
        assert.equal(call.header('x-api-key'), canaryUpstreamKey)
        assert.equal(call.header('authorization'), undefined)
      }
    },
  },
]
