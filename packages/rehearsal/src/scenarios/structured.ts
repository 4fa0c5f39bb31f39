import { isObject } from '../prompt/json.ts'
import type { MessagesRequest } from '../prompt/request.ts'
import { schemaInstance } from '../prompt/schema-instance.ts'
import type { ReplyBlock } from '../wire/blocks.ts'
import type { Scenario } from './scenario.ts'
import { anyCall, toBlock } from './work-place.ts'

/** The JSON schema that the answer must satisfy: `output_config.format`, or the older top-level `output_format`. */
export function requestedSchema(request: MessagesRequest): unknown {
  const config = request.body['output_config']
  const format = isObject(config) && isObject(config['format']) ? config['format'] : request.body['output_format']
  return isObject(format) && format['type'] === 'json_schema' ? format['schema'] : undefined
}

/** An answer that fits the requested schema, or the forced tool's; `undefined` when the request asks for neither. */
export function structuredBlocks(request: MessagesRequest, text = 'Rehearsal'): ReplyBlock[] | undefined {
  const schema = requestedSchema(request)
  if (schema !== undefined) return [{ type: 'text', text: JSON.stringify(schemaInstance(schema, text)) }]
  const choice = request.body['tool_choice']
  if (!isObject(choice) || (choice['type'] !== 'tool' && choice['type'] !== 'any')) return undefined
  const call = anyCall(request, typeof choice['name'] === 'string' ? choice['name'] : undefined)
  return call === undefined ? undefined : [toBlock(call)]
}

/** Structured output: JSON text that fits the schema, or the forced tool call. */
export const structured: Scenario = {
  name: 'structured',
  summary: 'JSON that fits output_config.format, or a forced tool call',
  options: {},
  wellFormed: true,
  reply: (stage) => stage.respond({ blocks: structuredBlocks(stage.request) ?? [{ type: 'text', text: '{"answer":"Rehearsal"}' }] }),
}
