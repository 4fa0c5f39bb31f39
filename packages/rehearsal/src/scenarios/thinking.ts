import type { ReplyBlock } from '../wire/blocks.ts'
import { mintSignature, type RandomSource } from '../wire/ids.ts'
import { prose } from './prose.ts'
import type { Scenario } from './scenario.ts'

/** The block a thinking model opens with: text and signature, or the signature alone when the display is omitted. */
export function thinkingBlock(random: RandomSource, words: number): ReplyBlock {
  return {
    type: 'thinking',
    thinking: words === 0 ? '' : prose(words),
    signature: mintSignature(random, 228 + words * 4),
  }
}

/** Signed thinking, an empty signed block, redacted thinking, then the answer. */
export const thinking: Scenario = {
  name: 'thinking',
  summary: 'signed thinking, empty signed thinking and redacted thinking before the answer',
  options: { words: 'length of the visible thinking (30)', only: 'text, empty or redacted: just that kind (all)' },
  wellFormed: true,
  reply: (stage) => {
    const only = stage.options.text('only', 'all')
    const kinds: Record<string, ReplyBlock> = {
      text: thinkingBlock(stage.random, stage.options.whole('words', 30)),
      empty: thinkingBlock(stage.random, 0),
      redacted: { type: 'redacted_thinking', data: mintSignature(stage.random, 320) },
    }
    const chosen = Object.entries(kinds).flatMap(([kind, block]) => (only === 'all' || only === kind ? [block] : []))
    return stage.respond({ blocks: [...chosen, { type: 'text', text: prose(25) }] })
  },
}
