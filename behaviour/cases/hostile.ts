import assert from 'node:assert/strict'
import { jsonReply, messageRequest } from '../support/replies.ts'
import type { BehaviourCase } from './case.ts'

const post = (target: string, ...headers: readonly string[]): string =>
  [
    `POST ${target} HTTP/1.1`,
    ...headers,
    'content-type: application/json',
    `content-length: ${messageRequest.length}`,
    'connection: close',
    '',
    messageRequest,
  ].join('\r\n')

const hostileHosts = [
  'a/v1/messages?x=',
  'user@a',
  'user:pw@127.0.0.1',
  'a b',
  'a#b',
  'a?b',
  'a\\b',
  '127.0.0.1:99999999',
  '',
  '[::1',
  'a,b',
  'http://a',
  '..',
  'a%2fb',
]
const hostileTargets = [
  '/v1/../admin',
  '/v1/./messages',
  '/v1/%2e%2e/admin',
  '/v1/%2E/x',
  '//a/v1/messages',
  '/v1\\messages',
  '/v1/x#fragment',
  'v1/messages',
  '*',
  '/v1/a\u0007b',
  '/v1/\u00e9',
]

export const hostileCases: readonly BehaviourCase[] = [
  {
    id: 'hostile-hosts',
    title: 'CVE-2026-49468 a Host that is not a plain host is answered 400 before routing, and never reaches the upstream',
    run: async (target) => {
      target.answer(jsonReply())
      for (const host of hostileHosts) {
        for (const path of ['/v1/messages', '/healthz']) {
          const answer = await target.client.raw(post(path, `Host: ${host}`))
          assert.match(answer, /^(?:HTTP\/1\.1 400|$)/, `Host: ${host} on ${path} was answered ${answer.slice(0, 200)}`)
        }
      }
      for (const twice of [
        ['Host: 127.0.0.1', 'Host: evil.example'],
        ['Host: 127.0.0.1', 'Host: 127.0.0.1'],
      ]) {
        const answer = await target.client.raw(post('/v1/messages', ...twice))
        assert.match(answer, /^(?:HTTP\/1\.1 400|$)/, `${twice.join(', ')} was answered ${answer.slice(0, 200)}`)
      }
      assert.equal(target.upstream.calls.length, 0)
      // Without a Host there is nothing to be confused by; the runtimes that take it use their own address.
      assert.match(await target.client.raw(post('/v1/messages')), target.can.needsHost ? /^(?:HTTP\/1\.1 400|$)/ : /^HTTP\/1\.1 200/, 'without a Host')
      assert.match(await target.client.raw(post('/v1/messages', 'Host: 127.0.0.1')), /^HTTP\/1\.1 200/, 'a plain Host passes')
    },
  },
  {
    id: 'hostile-targets',
    title: 'CVE-2026-48710 a target that two hops could read differently is refused, or has one reading only',
    run: async (target) => {
      target.answer(jsonReply())
      for (const path of hostileTargets) {
        target.upstream.forget()
        const answer = await target.client.raw(Buffer.from(post(path, 'Host: 127.0.0.1'), 'latin1'))
        const seen = target.upstream.calls.map((call) => call.target)
        if (seen.length > 0) {
          // Some runtimes resolve or escape a target before anybody sees it; what routing saw is then what the upstream got.
          const [only = ''] = seen
          assert.equal(seen.length, 1)
          assert.ok(only.startsWith('/v1/') && !/\/\.{1,2}(?:\/|$)|%2e|\\|#|^\/\//i.test(only), `${path} reached the upstream as ${only}`)
        } else assert.match(answer, /^(?:HTTP\/1\.1 (?:4|505)|$)/, `${path} was answered ${answer.slice(0, 200)}`)
      }
    },
  },
  {
    id: 'absolute-target',
    title: 'a target in absolute form never chooses another upstream or route',
    run: async (target) => {
      target.answer(jsonReply())
      for (const path of ['http://evil.example/v1/messages', 'http://127.0.0.1/v1/messages', 'https://user@evil.example/v1/messages?x=1']) {
        target.upstream.forget()
        const answer = await target.client.raw(post(path, 'Host: 127.0.0.1'))
        for (const call of target.upstream.calls) {
          // The authority in the target is not used by anybody: the route and the upstream are the same as without it.
          assert.equal(call.target, path.slice(path.indexOf('/v1/')))
          assert.equal(call.header('host'), new URL(target.upstream.url).host)
        }
        if (target.upstream.calls.length === 0) assert.match(answer, /^(?:HTTP\/1\.1 [45]|$)/, `${path} was answered ${answer.slice(0, 200)}`)
      }
    },
  },
  {
    id: 'smuggling',
    title: 'a request with both a length and chunks, two lengths, or a folded header is refused or read one way only',
    run: async (target) => {
      target.answer(jsonReply())
      const smuggled = 'GET /v1/smuggled HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'
      const heads = [
        `POST /v1/files HTTP/1.1\r\nHost: 127.0.0.1\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
        `POST /v1/files HTTP/1.1\r\nHost: 127.0.0.1\r\ncontent-length: 0\r\ncontent-length: ${smuggled.length}\r\n\r\n${smuggled}`,
        `POST /v1/files HTTP/1.1\r\nHost: 127.0.0.1\r\ntransfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n${smuggled}`,
      ]
      for (const head of heads) {
        target.upstream.forget()
        const answer = await target.client.raw(head, 400)
        // Chunks may win over a length (RFC 9112 §6.1), if the connection ends with the answer.
        assert.match(answer, /^(?:HTTP\/1\.1 (?:4|5)|$)|^connection: close/im, `${head.split('\r\n')[3]} was answered ${answer.slice(0, 100)}`)
        assert.deepEqual(
          target.upstream.calls.filter(({ target: path }) => path === '/v1/smuggled'),
          [],
        )
      }
    },
  },
]
