import { describe, expect, it } from 'vitest'
import { fc, test } from '@fast-check/vitest'
import { joinBytes, sse } from '../wire/sse.ts'
import { messageStream } from '../wire/message.ts'
import { chunked } from '../wire/chunked.ts'
import { assertStreamGrammar, validateMessageStream } from './stream-grammar.ts'

const frames = messageStream({
  blocks: [
    { type: 'thinking', thinking: 'First this.', signature: 'Eabc' },
    { type: 'text', text: 'Hello, 東京 🚄' },
    { type: 'tool_use', name: 'Read', input: { file_path: '/a', lines: [1, 2] } },
  ],
  usage: { input_tokens: 10, output_tokens: 20 },
})

const without = (index: number): Uint8Array => joinBytes(frames.filter((_frame, at) => at !== index))
const text = (frame: Uint8Array | undefined): string => new TextDecoder().decode(frame)
const indexOf = (part: string): number => frames.findIndex((frame) => text(frame).includes(part))

describe('the stream grammar', () => {
  it('accepts a whole stream and rebuilds its message', () => {
    const { message, eventNames } = assertStreamGrammar(joinBytes(frames))
    expect(message.text).toBe('Hello, 東京 🚄')
    expect(message.blocks.map((block) => block['type'])).toEqual(['thinking', 'text', 'tool_use'])
    expect(message.blocks[0]).toMatchObject({ thinking: 'First this.', signature: 'Eabc' })
    expect(message.blocks[2]).toMatchObject({ input: { file_path: '/a', lines: [1, 2] } })
    expect(message.usage).toMatchObject({ input_tokens: 10, output_tokens: 20 })
    expect(message.stopReason).toBe('tool_use')
    expect(eventNames.slice(0, 3)).toEqual(['message_start', 'content_block_start', 'ping'])
  })

  it.each([
    ['the start is missing', without(0), 'before message_start'],
    ['a block is not opened', without(1), 'outside a block'],
    ['a block is not closed', without(indexOf('content_block_stop')), 'inside another'],
    ['message_delta is missing', without(frames.length - 2), 'without message_delta'],
    ['a piece of tool input is missing', without(indexOf('"partial_json":"{')), 'not whole JSON'],
    ['it starts twice', joinBytes([...frames.slice(0, 1), ...frames]), 'second message_start'],
    ['something follows the end', joinBytes([...frames, ...frames.slice(-1)]), 'after the end'],
    ['two blocks are swapped', joinBytes([...frames.slice(0, 1), ...frames.slice(indexOf('"index":1'), indexOf('"index":2')), ...frames.slice(1)]), 'was due'],
    ['event line and type disagree', joinBytes([sse('message_stop', { type: 'ping' })]), 'carries type ping'],
    ['the last event has no blank line', joinBytes(frames).subarray(0, -1), 'inside an event'],
  ])('refuses a stream in which %s', (_why, bytes, problem) => {
    expect(validateMessageStream(bytes).problems.join('; ')).toContain(problem)
    expect(() => assertStreamGrammar(bytes)).toThrow('not a whole Messages API stream')
  })

  it('takes a stream that stops early as valid so far but not complete', () => {
    const report = validateMessageStream(joinBytes(frames.slice(0, 6)))
    expect(report).toMatchObject({ valid: true, complete: false })
    expect(() => assertStreamGrammar(joinBytes(frames.slice(0, 6)))).toThrow('it ends after')
  })

  it('reports the type of an error event and refuses anything after it', () => {
    const failed = sse('error', { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } })
    expect(validateMessageStream(joinBytes([...frames.slice(0, 4), failed]))).toMatchObject({
      valid: true,
      complete: false,
      errorType: 'overloaded_error',
    })
    expect(validateMessageStream(joinBytes([...frames.slice(0, 4), failed, ...frames.slice(4)])).valid).toBe(false)
  })

  test.prop([fc.oneof(fc.constant('\r\n'), fc.constant('\r')), fc.boolean()])('reads CRLF and CR line ends as LF', (lineEnd) => {
    const bytes = new TextEncoder().encode(frames.map((frame) => text(frame).replaceAll('\n', lineEnd)).join(''))
    expect(assertStreamGrammar(bytes).message).toEqual(assertStreamGrammar(joinBytes(frames)).message)
  })

  test.prop([fc.integer({ min: 1, max: 300 }), fc.integer()])('chunking never changes a byte', (size, seed) => {
    const whole = joinBytes(frames)
    for (const how of ['whole', 'frame', 'byte', size, { random: seed }] as const) expect(joinBytes(chunked(frames, how))).toEqual(whole)
  })

  test.prop([fc.string({ unit: 'grapheme', maxLength: 400 }), fc.jsonValue(), fc.integer({ min: 1, max: 40 })])(
    'any text and any tool input come back from the frames as they went in',
    (prose, value, pieceLength) => {
      const stream = messageStream({
        blocks: [
          { type: 'text', text: prose },
          { type: 'tool_use', name: 'T', input: { value } },
        ],
        pieceLength,
      })
      const { message } = assertStreamGrammar(joinBytes(stream))
      expect(message.blocks[0]).toMatchObject({ text: prose })
      expect(JSON.stringify(message.blocks[1]?.['input'])).toBe(JSON.stringify({ value }))
    },
  )
})
