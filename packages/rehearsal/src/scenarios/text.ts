import { prose } from './prose.ts'
import type { Scenario } from './scenario.ts'

/** A plain text answer of a chosen length. */
export const text: Scenario = {
  name: 'text',
  summary: 'a text answer of N words',
  options: { words: 'how many words (40)', say: 'the exact text instead' },
  wellFormed: true,
  reply: (stage) =>
    stage.respond({
      blocks: [{ type: 'text', text: stage.options.text('say', prose(stage.options.whole('words', 40))) }],
    }),
}
