import { FRAMING_TOKENS, promptBlocks } from '../prompt/canonical.ts'
import { isObject } from '../prompt/json.ts'
import type { LiveCall } from '../server/call.ts'
import { errorReply } from '../wire/error-reply.ts'
import type { ScriptedReply } from '../wire/reply.ts'
import { json } from './json.ts'

/** Answers `POST /v1/messages/count_tokens` by the rule that replies are counted with. */
export function answerCountTokens(call: LiveCall): ScriptedReply {
  if (!isObject(call.json)) return errorReply(400, 'invalid_request_error', 'The request body is not valid JSON: expected an object')
  const tokens = promptBlocks(call.json).reduce((sum, block) => sum + block.tokens, FRAMING_TOKENS)
  return json({ input_tokens: tokens })
}
