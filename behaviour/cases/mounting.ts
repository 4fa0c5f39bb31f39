import assert from 'node:assert/strict'
import { joinBytes, validateMessageStream } from '@sluice/rehearsal'
import { once } from 'node:events'
import zlib from 'node:zlib'
import { Client, header } from '../support/client.ts'
import { jsonReply, messageRequest, streamFrames, streamReply } from '../support/replies.ts'
import { eventually } from '../support/target.ts'
import type { BehaviourCase } from './case.ts'

export const mountingCases: readonly BehaviourCase[] = [
  {
    id: 'parsed-before',
    title: 'R1 a body parser before the gateway is answered with an error that names the mistake',
    notOn: ({ can }) => (can.middleware.includes('parse') ? undefined : 'no body parser can stand before the gateway here'),
    run: async (target) => {
      const answer = await target.ask({ headers: [['x-sluice-parse', '1']], body: messageRequest })
      assert.equal(answer.status, 500)
      assert.match(
        (JSON.parse(answer.body.toString()) as { readonly error: { readonly message: string } }).error.message,
        /read the request body before the gateway/,
      )
      assert.equal(target.upstream.calls.length, 0)
    },
  },
  {
    id: 'compressed-around',
    title: 'B8 compression middleware around the gateway holds no frame back',
    notOn: ({ can }) => (can.middleware.includes('compress') ? undefined : 'there is no compression middleware in this fixture'),
    run: async (target) => {
      const frames = streamFrames()
      const gates = frames.map(() => Promise.withResolvers<void>())
      target.answer(streamReply(frames.flatMap((bytes, index) => [{ bytes }, { until: (gates[index] as { readonly promise: Promise<void> }).promise }])))
      const unzip = zlib.createGunzip()
      let got = 0
      let due = 0
      let released = 0
      const plain: Buffer[] = []
      unzip.on('data', (chunk: Buffer) => {
        plain.push(chunk)
        got += chunk.length
        for (; released < frames.length && got >= due + (frames[released]?.length ?? 0); released += 1) {
          due += frames[released]?.length ?? 0
          gates[released]?.resolve()
        }
      })
      const ended = once(unzip, 'end')
      const answer = await target.ask({
        headers: [
          ['x-sluice-compress', '1'],
          ['accept-encoding', 'gzip'],
        ],
        body: messageRequest,
        onChunk: (chunk) => void unzip.write(chunk),
      })
      unzip.end()
      await ended
      assert.equal(header(answer.headers, 'content-encoding'), 'gzip')
      assert.deepEqual(Buffer.concat(plain), Buffer.from(joinBytes(frames)))
    },
  },
  {
    id: 'drain',
    title: 'B21 draining lets a stream finish within the grace, refuses new ones with 503, and ends the rest with an error event',
    notOn: ({ can }) => (can.drains ? undefined : 'an isolate cannot reach into the requests of others'),
    run: async (target) => {
      const frames = streamFrames()
      const gate = Promise.withResolvers<void>()
      const early = joinBytes(frames.slice(0, 4))
      target.answer((call) =>
        call.header('x-test-lasting') === undefined
          ? streamReply([{ bytes: early }, { until: gate.promise }, { bytes: joinBytes(frames.slice(4)) }])
          : streamReply([{ bytes: early }, { stall: true }]),
      )
      const finishing = target.ask({ profile: 'draining', body: messageRequest })
      const lasting = target.ask({ profile: 'draining', headers: [['x-test-lasting', '1']], body: messageRequest })
      await eventually(
        () => target.account(),
        ({ underWay }) => underWay === 2,
      )
      await eventually(
        () => target.upstream.calls.filter(({ responseLength }) => responseLength > 0).length,
        (count) => count === 2,
      )
      const drained = target.ask({ method: 'GET', path: '/__drain?graceMillis=1500' })
      await eventually(
        () => target.ask({ method: 'GET', path: '/readyz', profile: 'draining' }),
        ({ status }) => status === 503,
      )
      const refused = await target.ask({ profile: 'draining', body: messageRequest })
      assert.deepEqual([refused.status, header(refused.headers, 'retry-after'), header(refused.headers, 'x-should-retry')], [503, '1', 'true'])
      gate.resolve()
      assert.ok(validateMessageStream((await finishing).body).complete)
      assert.equal(validateMessageStream((await lasting).body).errorType, 'overloaded_error')
      assert.equal((await drained).status, 200)
      // What came while it drained is not kept: no middleware saw it.
      const { settlements } = await target.settled(2)
      assert.deepEqual(settlements.map(({ outcome }) => outcome.kind).toSorted(), ['completed', 'cut'])
    },
  },
  {
    id: 'sigterm',
    title: 'B21 SIGTERM lets a stream finish, then the process ends by itself',
    notOn: ({ name }) => (name === 'node:http' ? undefined : 'the process is not ours to end here; drain() is'),
    run: async (target) => {
      const another = await target.startAnother()
      const client = new Client(another.port)
      const exited = once(another.child, 'exit')
      try {
        const frames = streamFrames()
        const gate = Promise.withResolvers<void>()
        target.answer(streamReply([{ bytes: joinBytes(frames.slice(0, 4)) }, { until: gate.promise }, { bytes: joinBytes(frames.slice(4)) }]))
        const streaming = client.ask({
          body: messageRequest,
          onHead: () => {
            another.child.kill('SIGTERM')
            setTimeout(() => gate.resolve(), 500)
          },
        })
        const answer = await streaming
        assert.ok(answer.isWhole && validateMessageStream(answer.body).complete)
        assert.deepEqual(await exited, [0, null])
      } finally {
        client.close()
        await another.stop()
      }
    },
  },
  {
    id: 'keep-alive',
    title: 'R11 one client connection serves requests of every kind, one after another',
    run: async (target) => {
      target.answer((call) => (call.method === 'GET' ? jsonReply('{}') : streamReply([{ bytes: joinBytes(streamFrames()) }])))
      for (let round = 0; round < 20; round += 1) {
        assert.equal((await target.ask({ method: 'GET', path: '/v1/models' })).status, 200)
        assert.ok((await target.ask({ body: messageRequest })).isWhole)
        assert.equal((await target.ask({ method: 'GET', path: '/nowhere' })).status, 404)
      }
    },
  },
]
