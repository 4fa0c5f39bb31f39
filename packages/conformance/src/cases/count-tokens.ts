import type { ConformanceCase } from '../case.ts'
import { answer, errorBody, json } from '../upstream/replies.ts'
import { conformanceCase } from './conformance-case.ts'
import { expectAnthropicError, expectBytes, expectSame, expectThat } from './expect.ts'
import { pass, type Passage, type PassageOptions } from './through.ts'
import type { CaseContext } from '../case.ts'

const SOURCE = 'litellm#13252, envoy#1360, otari#124, copilot-api#210'

/** A body as `/context` sends it: model, messages and tools only. */
function countBody(lane: string): string {
  return JSON.stringify({
    model: 'claude-sonnet-4-5',
    messages: [{ role: 'user', content: `Count me. (${lane})` }],
    tools: [{ name: 'Bash', input_schema: { type: 'object' }, defer_loading: true }],
  })
}

/** Counts; says undefined for a gateway that has declared, as it may, that it does not offer it. */
async function count(context: CaseContext, path: string, options: PassageOptions = {}): Promise<Passage | undefined> {
  const passage = await pass(context, { path, body: countBody, ...options })
  const { reply, bytes, lane } = passage
  if (lane.requests.length === 0 && (reply.status === 404 || reply.status === 501)) {
    expectAnthropicError(reply, bytes)
    return undefined
  }
  expectThat(lane.requests.length > 0, `answered by the gateway itself: ${reply.status} ${bytes.toString('utf8').slice(0, 100)}`)
  return passage
}

/** Cases about counting tokens. */
export const COUNT_TOKENS: readonly ConformanceCase[] = [
  ...(['', '?beta=true'] as const).map((query) =>
    conformanceCase(
      {
        id: query === '' ? 'count-plain' : 'count-beta',
        group: 'count-tokens',
        title: `count_tokens${query} is the upstream’s count, or said not to be there`,
        requirement:
          'A count is forwarded and its answer passed on, or refused with 404 or 501 in the vendor’s form: then the client estimates. It is never made up: no public tokenizer counts as Claude does.',
        source: `${SOURCE}; regression H2`,
        severity: 'must',
      },
      async (context) => {
        const body = '{"input_tokens":48213,"zz_new":{"cached":1}}'
        const passage = await count(context, `/v1/messages/count_tokens${query}`, { script: json(body) })
        if (passage === undefined) return
        expectSame(passage.reply.status, 200, 'status')
        expectBytes(passage.bytes, body, 'the count at the client')
        expectSame(passage.lane.requests[0]?.target.replace(/^.*(?=\/v1\/)/, ''), `/v1/messages/count_tokens${query}`, 'the request target at the upstream')
        expectBytes((await passage.lane.requests[0]?.body()) ?? Buffer.alloc(0), countBody(passage.lane.id), 'the body at the upstream')
      },
    ),
  ),
  ...([404, 501, 400, 429] as const).map((status) =>
    conformanceCase(
      {
        id: `count-${status}`,
        group: 'count-tokens',
        title: `The upstream’s ${status} to a count reaches the client`,
        requirement: 'An upstream without counts says so; the client then estimates.',
        source: `${SOURCE}; Claude gateway protocol 2.1.330 §Errors`,
        severity: 'should',
        disturbs: status >= 429,
      },
      async (context) => {
        const body = errorBody(status === 501 ? 'not_supported' : 'not_found_error', 'No counts here.')
        const passage = await count(context, '/v1/messages/count_tokens?beta=true', {
          script: answer(
            status,
            [
              ['Content-Type', 'application/json'],
              ['x-should-retry', 'false'],
            ],
            body,
          ),
        })
        if (passage === undefined) return
        expectSame(passage.reply.status, status, 'status')
        expectBytes(passage.bytes, body, 'the error at the client')
      },
    ),
  ),
  conformanceCase(
    {
      id: 'count-parallel',
      group: 'count-tokens',
      title: 'Twenty-five counts at once all get their own answer',
      requirement: 'Claude Code’s /context sends about 25 at once: none is refused for its number.',
      source: 'wire of Claude Code 2.1.330; claude-code#68968',
      severity: 'must',
    },
    async (context) => {
      const answers = await Promise.all(
        Array.from({ length: 25 }, async (_, index) => {
          const passage = await count(context, '/v1/messages/count_tokens?beta=true', { script: json(`{"input_tokens":${1000 + index}}`) })
          return passage === undefined ? undefined : [passage.reply.status, passage.bytes.toString('utf8'), index]
        }),
      )
      for (const each of answers) if (each !== undefined) expectSame(each.slice(0, 2), [200, `{"input_tokens":${1000 + Number(each[2])}}`], 'a count')
    },
  ),
]
