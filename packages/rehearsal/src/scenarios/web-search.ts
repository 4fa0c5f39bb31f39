import { mintId, mintSignature } from '../wire/ids.ts'
import { prose } from './prose.ts'
import type { Scenario } from './scenario.ts'

/**
 * A search that the API runs itself. Its results join the prompt, so the final `input_tokens` exceeds the one in
 * `message_start` (45 of 48 such recorded streams), and `server_tool_use` counts the searches that are billed apart.
 */
export const webSearch: Scenario = {
  name: 'web-search',
  summary: 'server-side web search with results, citations and usage.server_tool_use',
  options: { searches: 'how many searches (1)' },
  wellFormed: true,
  reply: (stage) => {
    const searches = Math.max(1, stage.options.whole('searches', 1))
    const rounds = Array.from({ length: searches }, (_unused, index) => {
      const id = mintId('srvtoolu', stage.random)
      const result = {
        type: 'web_search_result',
        title: `Rehearsed result ${index + 1}`,
        url: `https://example.com/${index + 1}`,
        encrypted_content: mintSignature(stage.random, 400),
        page_age: null,
      }
      return [
        { type: 'server_tool_use', id, name: 'web_search', input: { query: `rehearsal query ${index + 1}` } },
        { type: 'web_search_tool_result', tool_use_id: id, content: [result] },
      ] as const
    })
    const citation = {
      type: 'web_search_result_location',
      cited_text: 'A rehearsed sentence.',
      url: 'https://example.com/1',
      title: 'Rehearsed result 1',
      encrypted_index: mintSignature(stage.random, 120),
    }
    const blocks = [
      ...rounds.flat(),
      { type: 'text', text: 'According to the results: ' } as const,
      { type: 'text', text: prose(14), citations: [citation] } as const,
    ]
    const counted = stage.complete({ blocks }).usage?.input_tokens ?? 0
    return stage.respond({
      blocks,
      usage: {
        input_tokens: counted + 1200 * searches,
        server_tool_use: { web_search_requests: searches, web_fetch_requests: 0 },
      },
      startUsage: { input_tokens: counted },
    })
  },
}
