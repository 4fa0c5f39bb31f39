import type { Policy } from './policy-document.ts'

/**
 * A policy that saves without touching the main loop. Clients send titles and the like to the model of their session, which may be their dearest; here they go to a small one.
 * Sub-agents that only search go there as well: they begin with a prefix of their own, so no cache is lost. Everything else is kept: within a session a switch throws the
 * cache away, and breaks signed thinking. The safety classifier is kept, too: what it lets through is not to be decided by a lesser model. See docs/routing.md.
 */
export const recommendedPolicy: Policy = {
  version: 1,
  name: 'recommended',
  rules: [
    {
      name: 'side-calls',
      note: 'Titles, summaries, probes, nested searches and hooks: short, and no part of the conversation.',
      when: { kind: ['title', 'probe', 'web-search', 'hook', 'auxiliary'] },
      do: { target: { model: 'claude-haiku-5-5' } },
      adapt: true,
    },
    {
      name: 'searching-agents',
      note: 'Agents that read and report. Their type is sent with CLAUDE_CODE_GATEWAY_HINT_HEADERS=1; without it they are kept.',
      when: { kind: 'sub-agent', agentType: ['Explore', 'claude-code-guide', 'statusline-setup'] },
      do: { target: { model: 'claude-haiku-5-5' } },
      adapt: true,
    },
    { name: 'main-loop', note: 'The developer chose this model. Nothing here is cheaper than staying on it.', do: { keep: true } },
  ],
}
