import { isObject } from '../prompt/json.ts'
import { toolCallsSincePrompt } from '../prompt/request.ts'
import type { ReplyBlock } from '../wire/blocks.ts'
import type { Scenario } from './scenario.ts'
import type { Stage } from './stage.ts'
import { thinkingBlock } from './thinking.ts'
import { planTurn, turnReached } from './tool-plan.ts'
import { toBlock } from './work-place.ts'

/** Thinking at the head of a turn, if the request asks for it, in the form its `display` asks for. */
export function openingThinking(stage: Stage, turn: number): ReplyBlock[] {
  const setting = stage.request.body['thinking']
  const on = isObject(setting) && (setting['type'] === 'enabled' || setting['type'] === 'adaptive')
  if (!on || turn % 2 === 1) return []
  return [thinkingBlock(stage.random, setting['display'] === 'omitted' ? 0 : 18)]
}

/**
 * An agentic loop of N turns that drives real tools. Stateless: how far it is follows from the conversation, so a
 * repeated request gets the same turn and a resumed session goes on where it was.
 */
export const toolLoop: Scenario = {
  name: 'tool-loop',
  summary: 'N turns of real tool calls (Write, Read, Edit, Bash, search), then a closing text',
  options: {
    turns: 'tool turns before the closing text (5)',
    parallel: 'most tool calls in one turn (2)',
    name: 'part of the file names (prompt number)',
  },
  wellFormed: true,
  reply: (stage) => {
    const { request, options } = stage
    const turns = options.whole('turns', 5)
    const name = options.text('name', `p${request.promptCount}`)
    const plan = (turn: number) => planTurn(request, turn, name, options.whole('parallel', 2))
    const turn = turnReached(toolCallsSincePrompt(request).length, (index) => plan(index).length, turns)
    const calls = turn < turns ? plan(turn) : []
    if (calls.length === 0) return stage.respond({ blocks: [{ type: 'text', text: `Done: ${turn} rehearsed tool turns.` }] })
    return stage.respond({
      blocks: [...openingThinking(stage, turn), { type: 'text', text: `Turn ${turn + 1} of ${turns}.` }, ...calls.map(toBlock)],
    })
  },
}
