import type { ReplyBlock } from '../wire/blocks.ts'
import { toHeaderList } from '../wire/headers.ts'
import { messageJson } from '../wire/message.ts'
import type { ScriptedReply, Step } from '../wire/reply.ts'
import { prose } from './prose.ts'
import type { ReplyParts, Stage } from './stage.ts'
import { thinkingBlock } from './thinking.ts'
import { planTurn } from './tool-plan.ts'
import { toBlock } from './work-place.ts'

/** Options of the scenarios that spoil an otherwise ordinary reply. */
export const BASE_OPTIONS: Readonly<Record<string, string>> = {
  of: 'what is spoiled: text, thinking or tools (text)',
  words: 'length of its text (40)',
}

/** The ordinary reply that a fault scenario spoils. */
export function baseReply(stage: Stage): ReplyParts {
  const words = { type: 'text', text: prose(stage.options.whole('words', 40)) } as const
  const blocks = (): ReplyBlock[] => {
    switch (stage.options.text('of', 'text')) {
      case 'thinking':
        return [thinkingBlock(stage.random, 20), words]
      case 'tools':
        return [words, ...planTurn(stage.request, 0, `p${stage.request.promptCount}`, 1).map(toBlock)]
      default:
        return [words]
    }
  }
  return { blocks: blocks() }
}

/**
 * The base reply interrupted: on a stream after `after-frames` frames, in a JSON body after half of its bytes,
 * announced at full length unless the body is to end properly.
 */
export function interrupted(stage: Stage, defaultFrames: number, ending: readonly Step[]): ScriptedReply {
  if (stage.streams) {
    const frames = stage.frames(baseReply(stage)).slice(0, stage.options.whole('afterFrames', defaultFrames))
    return stage.stream([{ head: true }, ...stage.pacedSteps(frames), ...ending])
  }
  const whole = stage.json(messageJson(stage.complete(baseReply(stage))))
  const step = whole.steps[0]
  const bytes = step !== undefined && 'bytes' in step && typeof step.bytes !== 'string' ? step.bytes : new Uint8Array(0)
  // A body that is to end properly must not announce more than it has.
  const headers = toHeaderList(whole.headers).filter(([name]) => ending.length > 0 || name !== 'content-length')
  return {
    ...whole,
    headers,
    steps: [{ head: true }, { bytes: bytes.subarray(0, Math.floor(bytes.length / 2)) }, ...ending],
  }
}
