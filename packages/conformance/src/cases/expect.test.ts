import fc from 'fast-check'
import { expect, test } from 'vitest'
import { PING, textStream } from '../upstream/replies.ts'
import { expectBytes, expectStream } from './expect.ts'

const SPACED = 'event: ping\ndata: {"type": "ping"}\n\n'

test('pings that a gateway adds between events are allowed, whatever their number and the white space in their JSON', () => {
  for (const sent of [textStream(['a', 'b', 'c']), textStream(['a']).flatMap((each) => [PING, each])]) {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 3 }), { minLength: sent.length + 1, maxLength: sent.length + 1 }), fc.constantFrom(PING, SPACED), (pings, ping) => {
        const came = sent.map((each, index) => ping.repeat(pings[index] ?? 0) + each).join('') + ping.repeat(pings.at(-1) ?? 0)
        expectStream(Buffer.from(came), sent.join(''), 'the stream')
      }),
    )
  }
})

test('a ping inside an event is seen', () => {
  const sent = textStream(['a', 'b']).join('')
  fc.assert(
    fc.property(fc.integer({ min: 1, max: sent.length - 1 }), fc.constantFrom(PING, SPACED), (at, ping) => {
      fc.pre(!sent.slice(0, at).endsWith('\n\n'))
      expect(() => expectStream(Buffer.from(sent.slice(0, at) + ping + sent.slice(at)), sent, 'the stream')).toThrow('differs at byte')
    }),
  )
})

test('a byte that is changed, lost or added anywhere else is seen', () => {
  const sent = Buffer.from(textStream(['żółć', '漢字']).join(''))
  fc.assert(
    fc.property(fc.nat({ max: sent.length - 1 }), fc.constantFrom('change', 'lose', 'add'), (at, how) => {
      const middle = how === 'lose' ? Buffer.alloc(0) : how === 'add' ? Buffer.from([sent[at] ?? 0, 0x7a]) : Buffer.from([(sent[at] ?? 0) ^ 1])
      const came = Buffer.concat([sent.subarray(0, at), middle, sent.subarray(at + 1)])
      expect(() => expectStream(came, sent.toString('utf8'), 'the stream')).toThrow('the stream')
    }),
  )
})

test('pings of the upstream must not get lost', () => {
  const frames = textStream()
  expect(() => expectStream(Buffer.from(frames.join('')), frames.join(PING), 'the stream')).toThrow('differs at byte')
})

test('a difference is shown with where it is', () => {
  expect(() => expectBytes(Buffer.from('abcdef'), 'abcxef', 'the body')).toThrow('the body: differs at byte 3 of 6 (6 came): "abcdef" instead of "abcxef"')
})
