import type { ScriptedReply } from '../wire/reply.ts'
import type { Stage } from './stage.ts'

/** One way the upstream can behave, listed in the registry and chosen by name. */
export interface Scenario {
  /** Kebab-case; what header and directive name. */
  readonly name: string
  /** One line for the table that `sluice rehearse --list` prints. */
  readonly summary: string
  /** What each option does, with its default. */
  readonly options: Readonly<Record<string, string>>
  /** Whether a streamed answer is a whole, grammatical message that every client must accept. */
  readonly wellFormed: boolean
  readonly reply: (stage: Stage) => ScriptedReply | Promise<ScriptedReply>
}

/** Options that every scenario understands. */
export const COMMON_OPTIONS: Readonly<Record<string, string>> = {
  'delay-millis': 'pause between frames (0)',
  chunking: 'whole, frame, byte, random or a number of bytes a write (frame)',
  times: 'applies to the first N requests of a session, then the next choice answers (always)',
  chance: 'applies to this share of requests, 0 to 1 (1)',
  'simulate-cache': '0 neither parses nor counts the prompt, for load runs (1)',
  model: 'the model that the reply names (the one asked for)',
  'input-tokens': 'fresh input reported, instead of what was counted; also cache-read-tokens, cache-write-5m-tokens, cache-write-1h-tokens, output-tokens',
  speed: 'usage.speed, e.g. fast (absent)',
  geo: 'usage.inference_geo (global)',
}
