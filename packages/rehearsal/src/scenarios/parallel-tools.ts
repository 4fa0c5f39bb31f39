import { toolCallsSincePrompt } from '../prompt/request.ts'
import type { Scenario } from './scenario.ts'
import { planTurn } from './tool-plan.ts'
import { toBlock, type PlannedCall } from './work-place.ts'

/** Several tool calls in one turn; after their results, a closing text. */
export const parallelTools: Scenario = {
  name: 'parallel-tools',
  summary: 'N tool calls in one turn, then a closing text',
  options: { calls: 'how many (3)' },
  wellFormed: true,
  reply: (stage) => {
    const { request } = stage
    if (toolCallsSincePrompt(request).length > 0) return stage.respond({ blocks: [{ type: 'text', text: 'All rehearsed calls answered.' }] })
    const offered = Array.from(
      { length: stage.options.whole('calls', 3) },
      (_unused, index) => planTurn(request, 0, `parallel-p${request.promptCount}-${index + 1}`, 1)[0],
    )
    const calls = offered.map((call, index): PlannedCall => call ?? { name: 'lookup', input: { key: `part ${index + 1}` } })
    return stage.respond({ blocks: [{ type: 'text', text: 'Running these together.' }, ...calls.map(toBlock)] })
  },
}
