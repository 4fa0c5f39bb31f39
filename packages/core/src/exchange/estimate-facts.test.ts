import { expect, test } from 'vitest'
import { toBytes } from '../wire/bytes.ts'
import { unseenTokens } from './estimate-facts.ts'
import { RequestBody } from './request-body.ts'

const unseen = (text: string): number => unseenTokens(new RequestBody(toBytes(text.slice(0, 7)), toBytes(text.slice(7))))

test.each([
  '{"source":{"type":"url","url":"https://a.test/1.pdf"}}',
  '{"source":{"type" :\t"url"}}',
  '{"source":{"type":\n"\\u0075r\\u006C"}}',
  '{"source":{"type":"file","file_id":"file_1"}}',
  '{"source":{"type":"file","file\\u005fid":"file_1"}}',
  '{"source":{"type":"base64","media_type":"application/pdf","data":"JVBE"}}',
  '{"source":{"type":"base64","media_type":"application\\/pdf","data":"JVBE"}}',
])('an attacker cannot hide from a strict budget that a prompt is longer than its body: %s', (text) => {
  expect(unseen(text)).toBe(Infinity)
})

test('pictures are tokens however few bytes they have', () => {
  const picture = '{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBO"}}'
  expect(unseen(`{"messages":[${picture},${picture.replace('"image"', '"im\\u0061ge"')}]}`)).toBe(10_000)
})

test('a tool that takes a url makes no prompt longer than its body', () => {
  expect(unseen('{"tools":[{"name":"fetch","input_schema":{"properties":{"url":{"type":"string"}},"required":["url"]}}]}')).toBe(0)
})
