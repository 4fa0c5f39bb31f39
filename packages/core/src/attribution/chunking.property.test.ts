import { fc, test as property } from '@fast-check/vitest'
import { describe, expect, test } from 'vitest'
import {
  environment,
  everyRequest,
  mainTurn,
  modern,
  oldEnvironment,
  project,
  reminder,
  system,
  tool,
  user,
  type FixtureRequest,
} from '../../test/claude-code-requests.ts'
import { splitAt } from '../../test/json-arbitraries.ts'
import { RequestBody } from '../exchange/request-body.ts'
import { systemClock } from '../host.ts'
import { defaultAttributeOptions } from '../middleware/attribute.ts'
import { toBytes } from '../wire/bytes.ts'
import { attributeRequest } from './attribute-request.ts'
import { repositoryFromBody } from './repository.ts'
import { SessionMemory } from './session-memory.ts'

/** Everything that is told of a request, with the directory that the repository comes from. */
function told({ method, target, headers }: FixtureRequest, body: RequestBody): unknown {
  const attribution = attributeRequest({ method, path: target.split('?')[0] ?? '', headers, body, principal: undefined }, defaultAttributeOptions, true)
  let directory: string | undefined
  repositoryFromBody(attribution.kind.value, body, new SessionMemory(1, systemClock), undefined, (path) => {
    directory = path
    return undefined
  })
  return { ...attribution, directory }
}

const bytesOf = (json: unknown): Uint8Array => toBytes(JSON.stringify(json ?? null))
const inChunksOf = (size: number, bytes: Uint8Array): readonly Uint8Array[] =>
  splitAt(
    bytes,
    Array.from({ length: Math.ceil(bytes.length / size) - 1 }, (_, index) => (index + 1) * size),
  )

describe('attribution says the same of a body in whatever chunks it arrives', () => {
  test.each(everyRequest)('%s, byte by byte', (_name, request) => {
    const bytes = bytesOf(request.json)
    expect(told(request, new RequestBody(...inChunksOf(1, bytes)))).toEqual(told(request, new RequestBody(bytes)))
  })

  const memory = 'You have a persistent file-based memory at `/home/dev/.claude/projects/-home-dev-日本/memory/`'
  test.each([
    ['in a system message', mainTurn('/home/dev/日本/café', { system: system(memory) })],
    ['in a reminder', mainTurn('', { messages: [user(reminder(environment('/home/dev/日本/café')))], system: system(memory) })],
    ['in the system prompt', mainTurn('', { messages: [user('go')], system: system(`${memory}\n${oldEnvironment('/home/dev/日本/café')}`) })],
  ])('a directory %s, split at every byte', (_place, json) => {
    const request = modern(json)
    const bytes = bytesOf(json)
    const whole = told(request, new RequestBody(bytes))
    expect(whole).toMatchObject({ directory: expect.stringMatching(/^\/home\/dev\/日本/) as string })
    for (let at = 1; at < bytes.length; at += 1) expect(told(request, new RequestBody(bytes.subarray(0, at), bytes.subarray(at)))).toEqual(whole)
  })

  test('what the user asked last is found before a late system message, split at every byte', () => {
    const [, request, { kind }] = everyRequest.find(([name]) => name === 'compaction followed by a system message') as (typeof everyRequest)[number]
    const bytes = bytesOf(request.json)
    for (let at = 1; at < bytes.length; at += 1)
      expect(told(request, new RequestBody(bytes.subarray(0, at), bytes.subarray(at)))).toMatchObject({ kind: { value: kind } })
  })

  const filler = fc
    .tuple(fc.constantFrom('x', '"\\', '日本', '# Environment\n', '{[', `${environment('/decoy/x')}\n`), fc.constantFrom(0, 1, 500, 8_000, 33_000, 66_000))
    .map(([piece, times]) => piece.repeat(times / piece.length))
  const request = fc.constantFrom(...everyRequest.map(([, fixture]) => fixture))
  property.prop([request, fc.array(filler, { minLength: 1, maxLength: 4 }), fc.boolean(), fc.array(fc.nat(), { maxLength: 12 })])(
    'requests with texts of any length, before or after what counts, split anywhere',
    (fixture, fillers, isBefore, cuts) => {
      let texts = 0
      const json = JSON.stringify(fixture.json ?? null, (key, value: unknown) => {
        if (typeof value !== 'string' || (key !== 'text' && key !== 'content')) return value
        const more = fillers[(texts += 1) % fillers.length] ?? ''
        return isBefore ? more + value : value + more
      })
      const bytes = toBytes(json)
      expect(told(fixture, new RequestBody(...splitAt(bytes, cuts)))).toEqual(told(fixture, new RequestBody(bytes)))
    },
  )

  const piece = fc.oneof(fc.constantFrom(environment(project), reminder(environment(project)), '"', '\\', '\\"', ']}', '日本'), fc.string({ unit: 'binary' }))
  const anything = fc.letrec((tie) => ({
    value: fc.oneof({ maxDepth: 4 }, piece, fc.integer(), fc.constant(null), fc.array(tie('value'), { maxLength: 4 }), tie('block')),
    block: fc.dictionary(fc.constantFrom('role', 'content', 'type', 'text', 'x'), tie('value'), { maxKeys: 4 }),
  })).value
  property.prop([
    fc.record({ messages: anything, system: anything, tools: anything, safeguards: anything }, { requiredKeys: [] }),
    fc.nat(),
    fc.array(fc.nat()),
  ])('bodies of the right keys with anything in them, whole or cut off, split anywhere', (json, cut, cuts) => {
    const whole = bytesOf(json)
    for (const bytes of [whole, whole.subarray(0, cut % (whole.length + 1))]) {
      expect(told(modern({}), new RequestBody(...splitAt(bytes, cuts)))).toEqual(told(modern({}), new RequestBody(bytes)))
    }
  })
})

describe('attribution hardly copies', () => {
  /** Counts what `range` had to put together. */
  class CountingBody extends RequestBody {
    copiedBytes = 0
    override range(start: number, end: number): Uint8Array {
      const range = super.range(start, end)
      if (!this.chunks.some(({ buffer }) => buffer === range.buffer)) this.copiedBytes += range.length
      return range
    }
  }
  const counting = (json: unknown, size: number): CountingBody => new CountingBody(...inChunksOf(size, bytesOf(json)).map((chunk) => chunk.slice()))
  const steps = Array.from({ length: 300 }, (_, index) => [
    { role: 'assistant', content: [{ type: 'tool_use', id: `t${index}`, name: 'Bash', input: { command: 'cat '.repeat(40) } }] },
    { role: 'user', content: [{ type: 'tool_result', tool_use_id: `t${index}`, content: 'line of a file\n'.repeat(200) }] },
  ]).flat()
  const tools = Array.from({ length: 30 }, () => ({ ...tool, description: 'What it does. '.repeat(300) }))
  const prompt = 'How to work. '.repeat(2000)
  const turn = (path: string, more: object = {}): Record<string, unknown> => {
    const json = mainTurn(path, { tools, system: system(prompt), ...more })
    return { ...json, messages: [...(json['messages'] as unknown[]), ...steps] }
  }

  test.each([
    ['that states its directory', turn(project), project],
    ['of an older client', turn('', { messages: [user(reminder('# gitStatus'), 'go')], system: system(prompt + oldEnvironment(project)) }), project],
    ['that states none', turn('', { messages: [user('go')] }), undefined],
    ['that opens with a long paste', turn('', { messages: [user('line of a log\n'.repeat(20_000))] }), undefined],
  ])('of a megabyte in chunks, a turn %s is read with copies of at most one chunk', (_name, json, directory) => {
    for (const size of [64, 16, 4]) {
      const body = counting(json, size * 1024)
      expect(body.length).toBeGreaterThan(1_000_000)
      expect(told(modern(json), body)).toMatchObject({ kind: { value: 'main' }, ...(directory !== undefined && { directory }) })
      expect(body.copiedBytes).toBeLessThanOrEqual(64 * 1024)
    }
  })

  test('wherever the chunks begin, a system message that straddles them is put together and not the body', () => {
    const json = turn(project, { messages: [user('hello'), { role: 'system', content: environment(project) }] })
    const bytes = bytesOf(json)
    for (const at of [1, 20, 60, 100, 140, 180, 220, 260, 300, 340, 380]) {
      const body = new CountingBody(bytes.slice(0, at), bytes.slice(at))
      expect(told(modern(json), body)).toMatchObject({ directory: project })
      expect(body.copiedBytes).toBeLessThanOrEqual(64 * 1024)
    }
  })
})
