/**
 * A scripted Messages API upstream: try and test a gateway with no key and no spend.
 *
 * @packageDocumentation
 */
export { startRehearsal, type Rehearsal, type ScriptHandler } from './server/rehearsal.ts'
export { REHEARSAL_DEFAULTS, type RehearsalOptions } from './server/options.ts'
export { RESPONSE_CAP_BYTES, type CallOutcome, type RehearsalCall } from './server/call.ts'
export type { ReportedUsage } from './server/reported-usage.ts'

export type { ScriptedReply, Step } from './wire/reply.ts'
export { toSteps } from './wire/reply.ts'
export type { HeaderInput, HeaderList } from './wire/headers.ts'
export { joinBytes, PING_FRAME, sse } from './wire/sse.ts'
export { messageJson, messageStream, type MessageParts } from './wire/message.ts'
export type {
  RawBlock,
  RedactedThinkingBlock,
  ReplyBlock,
  ServerToolUseBlock,
  TextBlock,
  ThinkingBlock,
  ToolUseBlock,
  WebSearchResultBlock,
} from './wire/blocks.ts'
export type { MessageUsage, PartialUsage } from './wire/usage.ts'
export { errorReply, errorTypeOf } from './wire/error-reply.ts'
export { chunked, type Chunking } from './wire/chunked.ts'
export { mintId, mintSignature, seededRandom, type RandomSource } from './wire/ids.ts'

export { SCENARIOS, scenarioNamed } from './scenarios/registry.ts'
export { COMMON_OPTIONS, type Scenario } from './scenarios/scenario.ts'
export type { ReplyParts, Stage, StageMemory } from './scenarios/stage.ts'
export type { ScenarioOptions } from './prompt/selection.ts'
export type { JsonObject } from './prompt/json.ts'

export { assertStreamGrammar, validateMessageStream, type RebuiltMessage, type StreamReport } from './grammar/stream-grammar.ts'
export { readEvents, type StreamEvent, type StreamEvents } from './grammar/events.ts'
export { callLine, runRehearsal, scenarioTable, type RehearsalCommandHost, type RehearsalCommandResult } from './main.ts'
