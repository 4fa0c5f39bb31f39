import { systemText, textOf, type MessagesRequest } from '../prompt/request.ts'
import type { ReplyBlock } from '../wire/blocks.ts'
import type { ReplyParts } from './stage.ts'
import type { Scenario } from './scenario.ts'
import { requestedSchema, structuredBlocks } from './structured.ts'
import { openingThinking } from './tool-loop.ts'
import { webSearch } from './web-search.ts'

const SUMMARY = '<analysis>\nA rehearsed session.\n</analysis>\n\n<summary>\nThe session was rehearsed; nothing is left to do.\n</summary>'

/**
 * What Claude Code's side calls get, whatever the prompt's directive: a JSON title for a schema, a summary for a
 * compaction (which offers tools but forbids them), "do not block" for the local auto-mode classifier, one token for a
 * start-up probe. `undefined` for an ordinary turn.
 */
export function sideReply(request: MessagesRequest): ReplyParts | undefined {
  if (requestedSchema(request) !== undefined) return { blocks: structuredBlocks(request, 'Rehearse the gateway') ?? [] }
  if (request.body['max_tokens'] === 1) return { blocks: [{ type: 'text', text: 'OK' }], stopReason: 'max_tokens', usage: { output_tokens: 1 } }
  const said = textOf(request.messages.findLast((message) => message['role'] === 'user')?.['content'])
  if (/an <analysis> block followed by a <summary> block/.test(said)) return { blocks: [{ type: 'text', text: SUMMARY }] }
  if (request.tools.length > 0) return undefined
  const asked = `${systemText(request)}\n${said}`
  if (asked.includes('<block>')) return { blocks: [{ type: 'text', text: '<block>no</block>' }] }
  if (asked.includes('<severity>')) return { blocks: [{ type: 'text', text: '<severity>0</severity>' }] }
  return undefined
}

/** A short plausible answer; forced tools and schemas are honoured. */
export const assistant: Scenario = {
  name: 'assistant',
  summary: 'the default: a short plausible answer, structured where the request demands it',
  options: {},
  wellFormed: true,
  reply: (stage) => {
    const { request } = stage
    const side = sideReply(request)
    if (side !== undefined) return stage.respond(side)
    if (request.tools.some((tool) => String(tool['type']).startsWith('web_search_'))) return webSearch.reply(stage)
    return stage.respond({ blocks: structuredBlocks(request) ?? answer(stage.request, openingThinking(stage, 0)) })
  },
}

function answer(request: MessagesRequest, opening: readonly ReplyBlock[]): ReplyBlock[] {
  const asked = request.promptText.replace(/\s+/g, ' ').slice(0, 60)
  const quoted = asked === '' ? '' : ` You asked: "${asked}".`
  return [...opening, { type: 'text', text: `This is a rehearsed answer; no model was called and nothing was spent.${quoted}` }]
}
