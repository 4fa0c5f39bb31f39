import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { seededRandom } from '@sluice/rehearsal'
import { header } from '../support/client.ts'
import { jsonReply, messageRequest, pieces } from '../support/replies.ts'
import { eventually } from '../support/target.ts'
import type { BehaviourCase } from './case.ts'
import { nastyBody } from './nasty-body.ts'

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

export const requestCases: readonly BehaviourCase[] = [
  {
    id: 'request-identity',
    title: 'R1 a hundred and twenty nasty JSON bodies reach the upstream byte for byte',
    run: async (target) => {
      target.answer(jsonReply())
      const random = seededRandom(1)
      const bodies = Array.from({ length: 120 }, () => nastyBody(random))
      for (let at = 0; at < bodies.length; at += 12) {
        await Promise.all(
          bodies.slice(at, at + 12).map(async (body, index) => {
            const isChunked = index % 3 === 0
            const answer = await target.ask({
              headers: [['x-test-index', String(at + index)]],
              profile: 'audited',
              ...(isChunked ? { pieces: pieces(body, at + index, 4000) } : { body }),
            })
            assert.equal(answer.status, 200, `${answer.body.toString()} for ${Buffer.from(body).toString().slice(0, 300)}`)
          }),
        )
      }
      assert.equal(target.upstream.calls.length, bodies.length)
      for (const call of target.upstream.calls) assert.equal(sha256(call.body), sha256(bodies[Number(call.header('x-test-index'))] as Uint8Array))
      const { settlements } = await target.settled(bodies.length)
      const proofs = new Set(settlements.map(({ proof }) => proof.upstreamRequestDigest))
      for (const body of bodies) assert.ok(proofs.has(`sha256:${sha256(body)}`), 'the settlement proves what was sent')
    },
  },
  {
    id: 'binary-request',
    title: 'R1 a body that is not JSON passes byte for byte on other routes',
    run: async (target) => {
      target.answer(jsonReply())
      const random = seededRandom(2)
      const body = Uint8Array.from({ length: 70_000 }, () => Math.floor(random() * 256))
      const headers = [['content-type', 'multipart/form-data; boundary=x']] as const
      assert.equal((await target.ask({ path: '/v1/files', headers, body })).status, 200)
      assert.equal(sha256(target.theCall().body), sha256(body))
      assert.equal(target.theCall().header('content-type'), 'multipart/form-data; boundary=x')
    },
  },
  {
    id: 'body-sizes',
    title: 'R11 bodies of one byte, one megabyte and forty megabytes pass whole, declared and chunked',
    run: async (target) => {
      target.answer(jsonReply())
      for (const length of [1, 1_000_000, 40_000_000]) {
        const body = Buffer.alloc(length, 'sluice')
        const answers = await Promise.all([
          target.ask({ path: '/v1/files', headers: [['content-type', 'application/octet-stream']], body }),
          ...(length === 1_000_000
            ? [target.ask({ path: '/v1/files', headers: [['content-type', 'application/octet-stream']], pieces: pieces(body, 3, 100_000) })]
            : []),
        ])
        assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]))
        for (const call of target.upstream.calls) assert.equal(sha256(call.body), sha256(body))
        target.upstream.forget()
      }
    },
  },
  {
    id: 'body-cap',
    title: "R11 a body over the gateway's cap is answered 413 in the API's envelope, settled, and never sent",
    run: async (target) => {
      const body = Buffer.alloc(3_000_000, ' ')
      const asks = [{ body }, { pieces: pieces(body, 5, 200_000) }]
      for (const [index, ask] of asks.entries()) {
        const answer = await target.ask({ ...ask, profile: 'small' })
        assert.equal(answer.status, 413)
        const envelope = JSON.parse(answer.body.toString()) as {
          readonly error: { readonly type: string; readonly message: string }
          readonly request_id: string
        }
        assert.equal(envelope.error.type, 'request_too_large')
        assert.match(envelope.error.message, /gateway.*1000000 bytes.*maxBodyBytes/)
        assert.equal(header(answer.headers, 'x-sluice-error-origin'), 'gateway')
        const { settlements } = await target.settled(index + 1)
        assert.equal(settlements[index]?.exchangeId, envelope.request_id)
        assert.deepEqual(settlements[index]?.outcome, { kind: 'refused', error: { origin: 'gateway', code: 'body-too-large' } })
      }
      assert.equal(target.upstream.calls.length, 0)
    },
  },
  {
    id: 'expect-continue',
    title: 'R11 a request that expects 100-continue is told to go on, and passes',
    notOn: ({ can }) => (can.expectContinue ? undefined : 'the runtime does not answer 100-continue'),
    run: async (target) => {
      target.answer(jsonReply())
      const answer = await target.ask({ headers: [['expect', '100-continue']], body: messageRequest })
      assert.equal(answer.status, 200)
      assert.equal(Buffer.from(target.theCall().body).toString(), messageRequest)
      assert.equal(target.theCall().header('expect'), undefined)
    },
  },
  {
    id: 'encoded-request',
    title: 'R11 a compressed request body is refused with 415, not guessed at',
    run: async (target) => {
      const answer = await target.ask({ headers: [['content-encoding', 'gzip']], body: 'x' })
      assert.equal(answer.status, 415)
      assert.equal(target.upstream.calls.length, 0)
    },
  },
  {
    id: 'no-body',
    title: 'R1 GET and an empty POST reach the upstream without a body',
    run: async (target) => {
      target.answer(jsonReply('{}'))
      assert.equal((await target.ask({ method: 'GET', path: '/v1/models?limit=1000' })).status, 200)
      assert.equal((await target.ask({ method: 'POST', path: '/v1/anything' })).status, 200)
      assert.deepEqual(
        target.upstream.calls.map(({ method, body }) => [method, body.length]),
        [
          ['GET', 0],
          ['POST', 0],
        ],
      )
      for (const call of target.upstream.calls) assert.equal(call.header('content-length') ?? '0', '0')
    },
  },
  {
    id: 'torn-request',
    title: 'R9 a client that leaves within its request body never reaches the upstream, and is settled',
    run: async (target) => {
      await target.client.raw(`POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{"model":`, 300)
      const { settlements } = await target.settled()
      assert.ok(['client-gone', 'refused'].includes(settlements[0]?.outcome.kind ?? ''), JSON.stringify(settlements[0]?.outcome))
      assert.equal(target.upstream.calls.length, 0)
      assert.equal(
        (
          await eventually(
            () => target.account(),
            ({ underWay }) => underWay === 0,
          )
        ).underWay,
        0,
      )
    },
  },
]
