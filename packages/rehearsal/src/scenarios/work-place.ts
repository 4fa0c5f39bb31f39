import { systemText, type MessagesRequest } from '../prompt/request.ts'
import { schemaInstance } from '../prompt/schema-instance.ts'
import type { ReplyBlock } from '../wire/blocks.ts'

/** Where an agent works: Claude Code names it in its environment section ("Primary working directory: …"). */
export function workingDirectory(request: MessagesRequest): string {
  return /[Ww]orking directory: (\S[^\n]*)/.exec(systemText(request))?.[1]?.trim() ?? '/tmp'
}

/** A tool call as the scenarios plan it. */
export interface PlannedCall {
  readonly name: string
  readonly input: object
}

/** The call as a block. */
export function toBlock(call: PlannedCall): ReplyBlock {
  return { type: 'tool_use', name: call.name, input: call.input }
}

/** A call of any offered client tool, its input made from the tool's own schema; `undefined` when none is offered. */
export function anyCall(request: MessagesRequest, wanted?: string): PlannedCall | undefined {
  const offered = request.tools.filter((tool) => tool['input_schema'] !== undefined)
  const tool = offered.find((candidate) => candidate['name'] === wanted) ?? offered[0]
  if (tool === undefined) return undefined
  const input = schemaInstance(tool['input_schema'])
  return { name: String(tool['name']), input: typeof input === 'object' && input !== null ? input : {} }
}
