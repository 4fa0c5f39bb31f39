import { paddedSse } from '../wire/sse.ts'
import type { Scenario } from './scenario.ts'
import type { Stage } from './stage.ts'

/**
 * A long stream for load: the middle frames are built once per size and shared by all calls, so that a request costs
 * two or three small events and one write a frame.
 */
export const long: Scenario = {
  name: 'long',
  summary: 'a stream of N text deltas of B bytes each, cheap enough for load runs',
  options: { frames: 'text deltas (300)', bytes: 'text bytes in each (40)' },
  wellFormed: true,
  reply: (stage) => {
    const count = stage.options.whole('frames', 300)
    const bytes = Math.max(1, stage.options.whole('bytes', 40))
    const usage = { output_tokens: stage.options.whole('outputTokens', count * Math.ceil(bytes / 4)) }
    if (!stage.streams) return stage.respond({ blocks: [{ type: 'text', text: 'x'.repeat(count * bytes) }], usage })
    const edges = stage.frames({ blocks: [{ type: 'text', text: '' }], usage })
    const opening = edges.slice(0, 3)
    const closing = edges.slice(3)
    return stage.stream(stage.pacedSteps([...opening, ...deltas(stage, count, bytes), ...closing]))
  },
}

function deltas(stage: Stage, count: number, bytes: number): readonly Uint8Array[] {
  const key = `long ${count} ${bytes}`
  const known = stage.memory.shared.get(key)
  if (known !== undefined) return known
  const frames = Array.from({ length: count }, (_unused, index) => {
    const text = `${index} `.padEnd(bytes, 'x').slice(0, bytes)
    return paddedSse('content_block_delta', { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } }, index % 16)
  })
  stage.memory.shared.set(key, frames)
  return frames
}
