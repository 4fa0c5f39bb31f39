import { toolCallsSincePrompt, type MessagesRequest } from '../prompt/request.ts'
import type { Scenario } from './scenario.ts'
import { anyCall, toBlock, type PlannedCall } from './work-place.ts'

/** One call of one named tool, with its input as stated; after its result, a closing text. */
export const toolCall: Scenario = {
  name: 'tool-call',
  summary: 'one call of a named tool, then a closing text',
  options: {
    tool: 'name of the tool (the first that is offered)',
    input: 'fields of its input, "name=value, name=value" (made from its schema)',
  },
  wellFormed: true,
  reply: (stage) => {
    const { request, options } = stage
    const tool = options.text('tool', '')
    if (toolCallsSincePrompt(request).length > 0) return stage.respond({ blocks: [{ type: 'text', text: 'The rehearsed call was answered.' }] })
    const call = planned(request, tool, options.text('input', ''))
    if (call === undefined) return stage.respond({ blocks: [{ type: 'text', text: `${tool === '' ? 'No tool' : tool} is not offered here.` }] })
    return stage.respond({ blocks: [{ type: 'text', text: `Calling ${call.name}.` }, toBlock(call)] })
  },
}

function planned(request: MessagesRequest, tool: string, input: string): PlannedCall | undefined {
  if (tool !== '' && !request.toolNames.includes(tool)) return undefined
  if (tool === '' || input === '') return anyCall(request, tool === '' ? undefined : tool)
  const fields = input.split(',').map((field) => {
    const equals = field.indexOf('=')
    return [field.slice(0, equals).trim(), field.slice(equals + 1).trim()] as const
  })
  return { name: tool, input: Object.fromEntries(fields) }
}
