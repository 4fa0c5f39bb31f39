import { isObject } from '../prompt/json.ts'
import { toolCallsSincePrompt, type MessagesRequest } from '../prompt/request.ts'
import type { Scenario } from './scenario.ts'
import { toBlock, type PlannedCall } from './work-place.ts'

/** Several sub-agents at once, each told by its prompt to run a small tool loop, then a closing text. */
export const subAgents: Scenario = {
  name: 'sub-agents',
  summary: 'N parallel sub-agents, each with a small tool loop, then a closing text',
  options: {
    agents: 'how many (2)',
    turns: 'tool turns of each (2)',
    background: '1 leaves them in the background (0)',
    type: 'agent type (general-purpose)',
  },
  wellFormed: true,
  reply: (stage) => {
    const { request, options } = stage
    const count = options.whole('agents', 2)
    const tool = request.toolNames.find((name) => name === 'Agent' || name === 'Task')
    if (tool === undefined) return stage.respond({ blocks: [{ type: 'text', text: 'No sub-agents are offered here.' }] })
    if (toolCallsSincePrompt(request).length >= count) {
      return stage.respond({ blocks: [{ type: 'text', text: `Done: ${count} rehearsed sub-agents.` }] })
    }
    const calls = Array.from({ length: count }, (_unused, index): PlannedCall => ({
      name: tool,
      input: {
        description: `Rehearse part ${index + 1}`,
        prompt: `Work on part ${index + 1}. [[rehearse tool-loop turns=${options.whole('turns', 2)} name=agent-p${request.promptCount}-${index + 1}]]`,
        subagent_type: options.text('type', 'general-purpose'),
        ...(takesBackground(request, tool) ? { run_in_background: options.flag('background', false) } : {}),
      },
    }))
    return stage.respond({ blocks: [{ type: 'text', text: `Starting ${count} sub-agents.` }, ...calls.map(toBlock)] })
  },
}

function takesBackground(request: MessagesRequest, name: string): boolean {
  const schema = request.tools.find((tool) => tool['name'] === name)?.['input_schema']
  return isObject(schema) && isObject(schema['properties']) && 'run_in_background' in schema['properties']
}
