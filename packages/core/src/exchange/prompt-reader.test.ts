import { fc, test as property } from '@fast-check/vitest'
import { expect, test } from 'vitest'
import { featureAt, type PromptFeature } from '../meter/prompt-shape.ts'
import { TokenFactors } from '../meter/token-factors.ts'
import { toBytes } from '../wire/bytes.ts'
import { readPrompt } from './prompt-reader.ts'
import { RequestBody } from './request-body.ts'

const noPause = (): Promise<void> => Promise.resolve()

async function read(json: unknown, pieceBytes = Infinity): Promise<NonNullable<Awaited<ReturnType<typeof readPrompt>>>> {
  const bytes = toBytes(typeof json === 'string' ? json : JSON.stringify(json))
  const chunks: Uint8Array[] = []
  for (let at = 0; at < bytes.length; at += pieceBytes) chunks.push(bytes.subarray(at, Math.min(bytes.length, at + pieceBytes)))
  const prompt = await readPrompt(new RequestBody(...chunks), true, noPause)
  if (prompt === undefined) throw new Error('could not be read')
  return prompt
}

async function counts(json: unknown, ...features: readonly PromptFeature[]): Promise<readonly number[]> {
  const { shape } = await read(json)
  return features.map((feature) => shape.counts[featureAt[feature]] as number)
}

const user = (content: unknown): object => ({ role: 'user', content })
const png = (width: number, height: number): string =>
  btoa(`\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0${String.fromCharCode(width >> 8, width & 255)}\0\0${String.fromCharCode(height >> 8, height & 255)}\x08\x02\0\0\0`)

test('the classes of a text are counted whatever way JSON writes it', async () => {
  const text = 'Two words, camelCase and 1234\n  naïve Привет “quotes” 日本語 🌊 "a\\b"'
  const plain = JSON.stringify({ messages: [user(text)] })
  const escaped = plain.replaceAll(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
  const { shape } = await read(plain)
  expect((await read(escaped)).shape.counts).toEqual(shape.counts)
  const names = ['words', 'digits', 'digitRuns', 'lineBreaks', 'indents', 'accentedLetters', 'foreignLetters', 'symbols', 'ideographs', 'pictographs'] as const
  expect(await counts(plain, ...names)).toEqual([10, 4, 1, 1, 1, 1, 6, 2, 3, 1])
})

test('identifiers, cache marks and the form of a message are not counted, so a turn that is sent again in another form begins the same', async () => {
  const before = await read({ system: 'Be brief.', messages: [user('Hello')] })
  const after = await read({
    messages: [user([{ type: 'text', text: 'Hello', cache_control: { type: 'ephemeral', ttl: '1h' } }]), { role: 'assistant', content: 'Hi' }, user('Go on')],
    system: [{ type: 'text', text: 'Be brief.' }],
  })
  expect(after.shape.head).toBe(before.shape.head)
  expect(after.shape.prefixes[0]).toBe(before.shape.prefixes[0])
  expect(after.texts).toEqual(['Be brief.', 'Hello', 'Hi', 'Go on'])
  expect((await read({ system: 'Be brief.', messages: [user('Hallo')] })).shape.prefixes).not.toEqual(before.shape.prefixes)
})

test('pictures are counted by their dimensions and documents by their pages, wherever they stand', async () => {
  const picture = (width: number, height: number): object => ({ type: 'image', source: { type: 'base64', media_type: 'image/png', data: png(width, height) } })
  expect(await counts({ messages: [user([picture(750, 100)])] }, 'pictureTokens', 'words')).toEqual([100, 0])
  expect(await counts({ messages: [user([{ type: 'tool_result', tool_use_id: 't', content: [picture(3000, 3000)] }])] }, 'pictureTokens')).toEqual([1_600])
  const document = { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: btoa('%PDF-1.4 << /Type /Pages /Count 12 >>') } }
  expect(await counts({ messages: [user([document])] }, 'pages', 'words')).toEqual([12, 0])
  const plain = { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'Two words' }, citations: { enabled: true } }
  expect(await counts({ messages: [user([plain])] }, 'pages', 'words', 'citations')).toEqual([0, 2, 1])
  const url = { type: 'image', source: { type: 'url', url: 'https://a.test/1.png' } }
  expect(await counts({ messages: [user([url, { ...document, source: { type: 'file', file_id: 'f' } }])] }, 'pictureReferences', 'documentReferences')).toEqual(
    [1, 1],
  )
})

test('tools are counted with all that the model is shown of them, but for those that are loaded when they are found', async () => {
  const tool = (more: object): object => ({
    name: 'Bash',
    description: 'Runs a command',
    input_schema: { type: 'object', properties: { data: { type: 'string' } } },
    ...more,
  })
  const { shape } = await read({ tools: [tool({})], messages: [user('a')] })
  expect((await read({ tools: [tool({ cache_control: { type: 'ephemeral' } }), tool({ defer_loading: true })], messages: [user('a')] })).shape).toEqual(shape)
  expect(await counts({ tools: [tool({})] }, 'tools', 'toolSets', 'forcedChoices')).toEqual([1, 1, 0])
  expect(await counts({ tools: [tool({})], tool_choice: { type: 'any' } }, 'forcedChoices')).toEqual([1])
  expect(await counts({ tools: [{ type: 'web_search_20250305', name: 'web_search' }] }, 'webTools')).toEqual([1])
})

test('a body that is no JSON is not counted', async () => {
  for (const text of ['{"messages":[{"role":"user","content":"a', '{"messages":[tru}', `{"messages":${'['.repeat(200)}${']'.repeat(200)}}`])
    expect(await readPrompt(new RequestBody(toBytes(text)), false, noPause)).toBeUndefined()
})

test('of a text of megabytes samples stand for the rest, so that it holds nobody up', async () => {
  const [words = 0] = await counts({ messages: [user(`${'word '.repeat(200_000)}${'12345 '.repeat(200_000)}`)] }, 'words')
  expect(Math.abs(words - 200_000)).toBeLessThan(20_000)
})

test('other work has its turn while a large body is read, and small ones are read at once', async () => {
  let pauses = 0
  const pause = async (): Promise<void> => void (pauses += 1)
  const body = (bytes: number): RequestBody =>
    new RequestBody(toBytes(JSON.stringify({ messages: Array.from({ length: bytes / 10_000 }, () => user('word '.repeat(2_000))) })))
  await readPrompt(body(2_000_000), false, pause)
  expect(pauses).toBe(3)
  await readPrompt(body(300_000), false, pause)
  expect(pauses).toBe(3)
})

const texts = fc.string({ unit: 'binary', maxLength: 200 })
property.prop([
  fc.array(
    fc.record({ role: fc.constantFrom('user', 'assistant'), content: fc.oneof(texts, fc.array(fc.record({ type: fc.constant('text'), text: texts }))) }),
  ),
  fc.jsonValue(),
  fc.integer({ min: 1, max: 40 }),
])('whatever the JSON and its chunks, the counts are the same and the tokens are finite', async (messages, input, pieceBytes) => {
  const json = { system: texts, tools: [input], messages: [...messages, { role: 'assistant', content: [{ type: 'tool_use', name: 'x', input }] }] }
  const bytes = toBytes(JSON.stringify(json))
  const whole = await readPrompt(new RequestBody(bytes), true, noPause)
  const chunks = Array.from({ length: Math.ceil(bytes.length / pieceBytes) }, (_, at) => bytes.subarray(at * pieceBytes, (at + 1) * pieceBytes))
  expect(await readPrompt(new RequestBody(...chunks), true, noPause)).toEqual(whole)
  if (whole !== undefined) expect(new TokenFactors('claude-opus-5-5').estimate(whole.shape.counts)).toBeGreaterThanOrEqual(0)
})
