import { Agent } from 'node:http'
import type { ConformanceCase } from '../case.ts'
import { pause } from '../unmet.ts'
import { json, JSON_HEADERS, messageBody, plainMessage, stream, textStream } from '../upstream/replies.ts'
import { conformanceCase } from './conformance-case.ts'
import { expectSame, expectThat } from './expect.ts'
import { rawHead } from './raw-head.ts'
import { pass } from './through.ts'

const REDIRECTS = [301, 302, 303, 307, 308] as const

const redirectCases = REDIRECTS.map((status) =>
  conformanceCase(
    {
      id: `redirect-${status}`,
      group: 'http',
      title: `A redirect ${status} of the upstream is not followed`,
      requirement: 'Following it would send the prompt, and the credential, to where the upstream points. It is passed on, or turned into an error.',
      source: 'new-api GHSA-9f46-w24h-69w4, Portkey#1718; regression I2',
      severity: 'must',
      disturbs: true,
    },
    async (context) => {
      const elsewhere = context.lane(json(plainMessage('FOLLOWED')))
      const { reply, bytes, lane } = await pass(context, {
        script: async (turn) => {
          await turn.request.body()
          if (turn.number > 1) {
            await json(plainMessage('FOLLOWED'))(turn)
            return
          }
          turn.head(status, [
            ['Location', `/v1/elsewhere?lane=${elsewhere.id}`],
            ['Content-Length', '0'],
          ])
          turn.end()
        },
      })
      expectSame([elsewhere.requests.length, lane.requests.length], [0, 1], 'requests at the place pointed to, and in all')
      expectThat(!bytes.includes('FOLLOWED') && reply.status !== 200, `status ${reply.status}`)
    },
  ),
)

/** Cases about HTTP itself. */
export const HTTP: readonly ConformanceCase[] = [
  ...redirectCases,
  conformanceCase(
    {
      id: 'bad-chunk',
      group: 'http',
      title: 'A request whose chunk framing is broken does not become a whole request',
      requirement: 'A body that cannot be read to its end is not completed for the upstream.',
      source: 'RFC 9112 §7.1, §8',
      severity: 'must',
    },
    async (context) => {
      let whole = false
      const lane = context.lane(async (turn) => {
        whole = (await turn.request.body().catch(() => undefined)) !== undefined
        await turn.gone
      })
      const connection = await context.connect()
      connection.write(
        `${rawHead(context, lane.id, `POST ${context.pathOf('/v1/messages')} HTTP/1.1`, [['Transfer-Encoding', 'chunked']])}5\r\nhello\r\nZZ\r\nbroken\r\n0\r\n\r\n`,
      )
      await connection.settled(Math.max(600, context.graceMillis * 2))
      expectThat(!whole, 'the upstream got a whole request')
    },
  ),
  conformanceCase(
    {
      id: 'absolute-form',
      group: 'http',
      title: 'A request target with another host in it does not lead there',
      requirement: 'A gateway is no open proxy: where requests go is configured, never asked for.',
      source: 'RFC 9112 §3.2.2; bifrost GHSA-w98g-5w9p-p3rc, Portkey#1718',
      severity: 'must',
    },
    async (context) => {
      const lane = context.lane(json(plainMessage()))
      const connection = await context.connect()
      const body = messageBody(lane.id)
      connection.write(rawHead(context, lane.id, 'POST http://192.0.2.1:9/v1/messages HTTP/1.1', [['Content-Length', String(body.length)]]) + body)
      const { text } = await connection.settled(1000)
      expectThat(lane.requests.length === 1 || /^HTTP\/1\.1 4\d\d/.test(text), `neither refused nor sent to the upstream: ${text.slice(0, 40) || 'no answer'}`)
    },
  ),
  conformanceCase(
    {
      id: 'foreign-host',
      group: 'http',
      title: 'A Host header of another name leads nowhere else',
      requirement: 'Host chooses neither upstream nor rights.',
      source: 'litellm CVE-2026-49468',
      severity: 'must',
    },
    async (context) => {
      const lane = context.lane(json(plainMessage()))
      const reply = await context.send({ lane: lane.id, headers: [['Host', 'evil.example']], body: messageBody(lane.id) })
      await reply.read()
      expectThat(lane.requests.length === 1 || (reply.status >= 400 && reply.status < 500), `status ${reply.status}`)
      expectThat(
        lane.requests.every(({ headers }) => !JSON.stringify(headers).includes('evil.example')),
        'the upstream was asked in the name of another host',
      )
    },
  ),
  conformanceCase(
    {
      id: 'dot-segments',
      group: 'http',
      title: 'Dot segments lead to no other endpoint',
      requirement: 'A path is judged as the upstream reads it: /v1/../admin is not taken for something under /v1.',
      source: 'RFC 3986 §5.2.4; litellm CVE-2026-49468',
      severity: 'should',
    },
    async (context) => {
      const lane = context.lane(json(plainMessage()))
      const connection = await context.connect()
      connection.write(rawHead(context, lane.id, `GET ${context.pathOf('/v1/models')}/../../admin HTTP/1.1`, [['Content-Length', '0']]))
      await connection.settled(Math.max(600, context.graceMillis * 2))
      const target = lane.requests[0]?.target
      expectThat(target === undefined || !/\/\.\.(?:\/|$)/.test(target), `the upstream got ${target ?? ''}`)
    },
  ),
  conformanceCase(
    {
      id: 'keep-alive',
      group: 'http',
      title: 'One client connection serves many requests, of every kind',
      requirement: 'Claude Code uses one connection for a whole session.',
      source: 'wire of Claude Code 2.1.330; RFC 9112 §9.3',
      severity: 'must',
    },
    async (context) => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 })
      for (let round = 0; round < 10; round += 1) {
        const isStream = round % 2 === 0
        const { reply, end } = await pass(context, {
          agent,
          body: (lane) => messageBody(lane, { stream: isStream }),
          script: isStream ? stream(textStream()) : json(plainMessage()),
        })
        expectSame([reply.status, end], [200, 'complete'], `status and end of request ${round + 1}`)
      }
    },
  ),
  conformanceCase(
    {
      id: 'keep-alive-kept',
      group: 'http',
      title: 'The connection is kept after a reply',
      requirement: 'A new connection, over TLS, for each turn costs time.',
      source: 'RFC 9112 §9.3',
      severity: 'should',
    },
    async (context) => {
      const { reply } = await pass(context, { agent: new Agent({ keepAlive: true }) })
      expectThat(!/close/i.test(reply.header('connection') ?? ''), 'connection: close')
    },
  ),
  conformanceCase(
    {
      id: 'expect-continue',
      group: 'http',
      title: 'A client that waits for 100-continue gets on',
      requirement: 'The body that is waited for is asked for, or the request is answered at once.',
      source: 'RFC 9110 §10.1.1',
      severity: 'should',
    },
    async (context) => {
      const lane = context.lane(json(plainMessage()))
      const body = messageBody(lane.id)
      const connection = await context.connect()
      connection.write(
        rawHead(context, lane.id, `POST ${context.pathOf('/v1/messages')} HTTP/1.1`, [
          ['Content-Length', String(body.length)],
          ['Expect', '100-continue'],
        ]),
      )
      const first = await connection.until((text) => /HTTP\/1\.1 \d{3}/.test(text), 'an answer to Expect: 100-continue')
      if (/HTTP\/1\.1 4\d\d/.test(first)) return
      connection.write(body)
      await connection.until((text) => /HTTP\/1\.1 200/.test(text), 'the reply after 100-continue')
    },
  ),
  conformanceCase(
    {
      id: 'pipelining',
      group: 'http',
      title: 'Two requests sent at once on one connection are answered in order',
      requirement: 'Replies come in the order of the requests.',
      source: 'RFC 9112 §9.3.2',
      severity: 'may',
    },
    async (context) => {
      const slow = context.lane(async (turn) => {
        await pause(150)
        await json(plainMessage('FIRST'))(turn)
      })
      const fast = context.lane(json(plainMessage('SECOND')))
      const connection = await context.connect()
      for (const lane of [slow, fast]) {
        const body = messageBody(lane.id)
        connection.write(rawHead(context, lane.id, `POST ${context.pathOf('/v1/messages')} HTTP/1.1`, [['Content-Length', String(body.length)]]) + body)
      }
      const text = await connection.until((each) => each.includes('FIRST') && each.includes('SECOND'), 'both replies')
      expectThat(text.indexOf('FIRST') < text.indexOf('SECOND'), 'the second reply came first')
    },
  ),
  conformanceCase(
    {
      id: 'trickled-body',
      group: 'http',
      title: 'A body that comes in many small pieces arrives whole',
      requirement: 'Slow uploads are waited for.',
      source: 'RFC 9112 §6; B19: bodies of 300 to 620 KB',
      severity: 'should',
    },
    async (context) => {
      const lane = context.lane(json(plainMessage()))
      const body = messageBody(lane.id)
      const connection = await context.connect()
      connection.write(rawHead(context, lane.id, `POST ${context.pathOf('/v1/messages')} HTTP/1.1`, [['Content-Length', String(body.length)]]))
      for (let at = 0; at < body.length; at += 40) {
        connection.write(body.slice(at, at + 40))
        await pause(10)
      }
      await connection.until((text) => /HTTP\/1\.1 200/.test(text), 'the reply')
      expectSame((await (await lane.request()).body()).toString('utf8'), body, 'the body at the upstream')
    },
  ),
  conformanceCase(
    {
      id: 'reply-headers-json',
      group: 'http',
      title: 'Informational replies of the upstream do not end the exchange',
      requirement: 'A 103 before the head is passed on or dropped; the final reply counts.',
      source: 'RFC 9110 §15.2',
      severity: 'may',
    },
    async (context) => {
      const { reply, bytes } = await pass(context, {
        script: async (turn) => {
          await turn.request.body()
          turn.raw('HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n')
          turn.head(200, [...JSON_HEADERS, ['Content-Length', String(Buffer.byteLength(plainMessage()))]])
          turn.end(plainMessage())
        },
      })
      expectSame([reply.status, bytes.toString('utf8')], [200, plainMessage()], 'status and body')
    },
  ),
]
