import type { CaseContext, ConformanceCase } from '../case.ts'
import { json, messageBody, plainMessage, stream, textStream } from '../upstream/replies.ts'
import { pause } from '../unmet.ts'
import { conformanceCase } from './conformance-case.ts'
import { expectAnthropicError, expectSame, expectThat } from './expect.ts'
import { pass, type Passage } from './through.ts'

const SOURCE = 'litellm#34732, litellm#40095, new-api#6609, claude-code#73795; regression G1, R16'

/** What one call costs at list price: 1,000 tokens in and 1,000 out of `claude-sonnet-4-5`. In nano-dollars. */
const CALL_NANO_USD = 18_000_000n

/** Sends until the budget refuses, and resolves with the refusal; undefined when it never does. */
async function refusal(context: CaseContext): Promise<Passage | undefined> {
  const { key, capUsd } = await context.budget()
  const most = Math.ceil((capUsd * 1e9) / Number(CALL_NANO_USD)) * 2 + 5
  for (let call = 0; call < most; call += 1) {
    const passage = await pass(context, { key })
    if (passage.reply.status !== 200) return passage
    // A gateway may count a moment after the reply.
    await pause(20)
  }
  return undefined
}

async function refused(context: CaseContext): Promise<Passage> {
  const passage = await refusal(context)
  expectThat(passage !== undefined, 'twice the cap was spent, and nothing was refused')
  return passage
}

/** Cases about budgets. The first spends most of it, the others what is left. */
export const BUDGETS: readonly ConformanceCase[] = [
  conformanceCase(
    {
      id: 'budget-race',
      group: 'budgets',
      title: 'A hundred requests at once do not walk through a cap',
      requirement: 'What is spent in all exceeds the cap by one call at most: the check and the claim are one act.',
      source: SOURCE,
      severity: 'must',
      needs: ['budget'],
    },
    async (context) => {
      const { key, capUsd } = await context.budget()
      const passages = await Promise.all(
        Array.from({ length: 100 }, (_, index) =>
          pass(context, {
            key,
            body: (lane) => messageBody(lane, { stream: index % 2 === 0 }),
            script: async (turn) => {
              await turn.request.body()
              await pause(150)
              await (index % 2 === 0 ? stream(textStream()) : json(plainMessage()))(turn)
            },
          }),
        ),
      )
      const calls = passages.reduce((sum, { lane }) => sum + lane.requests.length, 0)
      const spent = BigInt(calls) * CALL_NANO_USD
      const cap = BigInt(Math.round(capUsd * 1e9))
      expectThat(spent <= cap + CALL_NANO_USD, `${calls} calls reached the upstream: ${Number(spent) / 1e9} USD of a cap of ${capUsd} USD`)
      expectThat(calls > 0, 'nothing was let through')
    },
  ),
  conformanceCase(
    {
      id: 'budget-refusal',
      group: 'budgets',
      title: 'What is over the cap is refused in a way that stops Claude Code at once',
      requirement: 'A 429 or 402 with an Anthropic error and, for 429, x-should-retry: false or a retry-after beyond 60 s: a bare 429 is retried for minutes.',
      source: 'puffo-agent#327, openclaw#74120; Claude gateway protocol 2.1.330 §Usage-limit headers; measured with Claude Code 2.1.330',
      severity: 'must',
      needs: ['budget'],
    },
    async (context) => {
      const { reply, bytes } = await refused(context)
      expectThat([402, 403, 429].includes(reply.status), `status ${reply.status}`)
      expectAnthropicError(reply, bytes)
      if (reply.status === 429)
        expectThat(reply.header('x-should-retry') === 'false' || Number(reply.header('retry-after') ?? 0) > 60, 'a 429 that the client will retry')
    },
  ),
  conformanceCase(
    {
      id: 'budget-refusal-form',
      group: 'budgets',
      title: 'The refusal is a 429 billing_error with the headers that Claude Code shows',
      requirement: 'billing_error, retry-after in seconds to the reset, x-should-retry: false, anthropic-ratelimit-unified-status: rejected.',
      source: 'Claude gateway protocol 2.1.330 §Usage-limit headers',
      severity: 'should',
      needs: ['budget'],
    },
    async (context) => {
      const { reply, bytes } = await refused(context)
      const type = expectAnthropicError(reply, bytes)
      expectSame(
        [reply.status, type, reply.header('x-should-retry'), reply.header('anthropic-ratelimit-unified-status')],
        [429, 'billing_error', 'false', 'rejected'],
        'status, type, x-should-retry and unified-status',
      )
      expectThat(Number(reply.header('retry-after') ?? 0) > 0, `retry-after ${reply.header('retry-after') ?? 'missing'}`)
    },
  ),
  conformanceCase(
    {
      id: 'budget-refused-unsent',
      group: 'budgets',
      title: 'What is refused does not reach the upstream',
      requirement: 'A refusal costs nothing.',
      source: `${SOURCE}; regression F2`,
      severity: 'must',
      needs: ['budget'],
    },
    async (context) => {
      const { lane } = await refused(context)
      await pause(context.graceMillis)
      expectSame(lane.requests.length, 0, 'requests at the upstream')
    },
  ),
  conformanceCase(
    {
      id: 'budget-count-tokens',
      group: 'budgets',
      title: 'Counting tokens is not blocked by a spent budget',
      requirement: 'Counts cost nothing, and the client plans by them.',
      source: 'wire of Claude Code 2.1.330; Claude gateway protocol 2.1.330',
      severity: 'should',
      needs: ['budget'],
    },
    async (context) => {
      const { key } = await context.budget()
      await refused(context)
      const { reply } = await pass(context, { key, path: '/v1/messages/count_tokens?beta=true', script: json('{"input_tokens":7}') })
      expectThat(reply.status === 200 || reply.status === 404 || reply.status === 501, `status ${reply.status}`)
    },
  ),
  conformanceCase(
    {
      id: 'budget-others',
      group: 'budgets',
      title: 'A spent budget stops nobody else',
      requirement: 'Another key goes on.',
      source: 'litellm#36926, litellm#27639',
      severity: 'must',
      needs: ['budget'],
    },
    async (context) => {
      await refused(context)
      const { reply } = await pass(context)
      expectSame(reply.status, 200, 'status')
    },
  ),
]
