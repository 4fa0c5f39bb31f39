import { fc, test } from '@fast-check/vitest'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { assertStreamGrammar, startRehearsal, type Rehearsal } from '../src/index.ts'
import { bytesOf, post, prompt } from './support.ts'

interface Message {
  role: string
  content: unknown
}
const names = ['Write', 'Read', 'Edit', 'Bash', 'Glob', 'Agent']
const tools = names.map((name) => ({
  name,
  input_schema: { type: 'object', properties: { run_in_background: { type: 'boolean' } } },
}))

let rehearsal: Rehearsal
beforeAll(async () => {
  rehearsal = await startRehearsal({ pace: 0 })
})
afterAll(() => rehearsal.close())

async function turn(messages: readonly Message[]): Promise<{ blocks: readonly Record<string, unknown>[]; calls: Record<string, unknown>[]; text: string }> {
  const { message } = assertStreamGrammar(
    await bytesOf(await post(rehearsal, undefined, prompt({ tools, messages, system: 'Primary working directory: /home/dev/app\n' }))),
  )
  return {
    blocks: message.blocks,
    calls: message.blocks.filter((block) => block['type'] === 'tool_use'),
    text: message.text,
  }
}

const resultsFor = (calls: readonly Record<string, unknown>[]): Message => ({
  role: 'user',
  content: calls.map((call) => ({ type: 'tool_result', tool_use_id: call['id'], content: 'ok' })),
})

async function playOut(messages: Message[]): Promise<{ messages: Message[]; turns: Record<string, unknown>[][] }> {
  const turns: Record<string, unknown>[][] = []
  for (;;) {
    const { blocks, calls } = await turn(messages)
    messages.push({ role: 'assistant', content: blocks })
    if (calls.length === 0) return { messages, turns }
    turns.push(calls)
    messages.push(resultsFor(calls))
  }
}

const start = (text: string): Message[] => [{ role: 'user', content: text }]

describe('the tool loop', () => {
  it('works through its plan in the directory the client names, then closes', async () => {
    const { messages, turns } = await playOut(start('go [[rehearse tool-loop turns=7]]'))
    expect(turns.map((calls) => calls.map((call) => call['name']).join('+'))).toEqual(['Write', 'Read', 'Edit', 'Bash+Read', 'Glob', 'Write', 'Read'])
    expect(turns[0]?.[0]?.['input']).toMatchObject({ file_path: '/home/dev/app/rehearsal-p1-1.txt' })
    expect(turns[5]?.[0]?.['input']).toMatchObject({ file_path: '/home/dev/app/rehearsal-p1-2.txt' })
    expect(messages.at(-1)).toMatchObject({ content: [{ type: 'text', text: 'Done: 7 rehearsed tool turns.' }] })
  })

  it('gives the same turn to the same conversation, however often it is asked', async () => {
    const { messages } = await playOut(start('[[rehearse tool-loop turns=5]]'))
    for (let length = 1; length < messages.length; length += 2) {
      const [first, second] = [await turn(messages.slice(0, length)), await turn(messages.slice(0, length))]
      expect(second.calls.map(({ name, input }) => ({ name, input }))).toEqual(first.calls.map(({ name, input }) => ({ name, input })))
      expect(second.text).toBe(first.text)
    }
  })

  it('does not depend on how the client groups parallel calls into messages', async () => {
    const { messages } = await playOut(start('[[rehearse tool-loop turns=5]]'))
    const split = messages.flatMap((message): Message[] => {
      const blocks = message.content
      return Array.isArray(blocks) ? blocks.map((block: unknown) => ({ role: message.role, content: [block] })) : [message]
    })
    expect((await turn(split.slice(0, -1))).text).toBe('Done: 5 rehearsed tool turns.')
  })

  it('starts again for a new prompt in the same conversation, with new files', async () => {
    const first = await playOut(start('[[rehearse tool-loop turns=2]]'))
    const second = await playOut([...first.messages, ...start('more [[rehearse tool-loop turns=1]]')])
    expect(second.turns[0]?.[0]?.['input']).toMatchObject({ file_path: '/home/dev/app/rehearsal-p2-1.txt' })
    expect(second.turns).toHaveLength(1)
  })

  it('is not confused by reminders and task notifications that the client adds', async () => {
    const { messages } = await playOut(start('[[rehearse tool-loop turns=2]]'))
    const reminded = [
      ...messages.slice(0, -1),
      { role: 'user', content: [{ type: 'text', text: '<system-reminder>be brief</system-reminder>' }] },
      { role: 'system', content: 'note' },
    ]
    expect((await turn(reminded)).text).toBe('Done: 2 rehearsed tool turns.')
  })

  test.prop([fc.integer({ min: 0, max: 12 }), fc.integer({ min: 1, max: 2 })], { numRuns: 12 })(
    'takes exactly as many turns as asked',
    async (turns, parallel) => {
      const played = await playOut(start(`[[rehearse tool-loop turns=${turns} parallel=${parallel}]]`))
      expect(played.turns).toHaveLength(turns)
      expect(Math.max(0, ...played.turns.map((calls) => calls.length))).toBeLessThanOrEqual(parallel)
    },
  )

  it('sub-agents are started together, each with a tool loop of its own', async () => {
    const { calls } = await turn(start('[[rehearse sub-agents agents=3 turns=4]]'))
    expect(calls).toHaveLength(3)
    expect(new Set(calls.map((call) => JSON.stringify(call['input']))).size).toBe(3)
    expect(calls[0]?.['input']).toMatchObject({
      run_in_background: false,
      prompt: expect.stringContaining('[[rehearse tool-loop turns=4') as string,
    })
    expect((await turn([...start('[[rehearse sub-agents agents=3 turns=4]]'), { role: 'assistant', content: calls }, resultsFor(calls)])).calls).toEqual([])
  })
})
