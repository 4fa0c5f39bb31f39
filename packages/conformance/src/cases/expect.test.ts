import fc from 'fast-check'
import { expect, test } from 'vitest'
import { PING, textStream } from '../upstream/replies.ts'
import { expectBytes, expectStream } from './expect.ts'

test('pings that a gateway adds between events are allowed, whatever their number', () => {
  const frames = textStream(['a', 'b', 'c'])
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 3 }), { minLength: frames.length, maxLength: frames.length }), (pings) => {
      const came = frames.map((each, index) => each + PING.repeat(pings[index] ?? 0)).join('')
      expectStream(Buffer.from(came), frames.join(''), 'the stream')
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
