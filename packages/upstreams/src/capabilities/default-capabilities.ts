import { checkCapabilities, type CapabilityTable } from './capability-table.ts'

const sdkTypes = 'request types of @anthropic-ai/sdk 1.12.0'
const observed = (mode: string): string => `betas and fields that Claude Code 2.1.330 sends in its own ${mode} mode, and leaves out, for the same request`
const betaTable = 'https://github.com/BerriAI/litellm/blob/main/litellm/anthropic_beta_headers_config.json'
const betaDocs = 'https://platform.claude.com/docs/en/api/beta-headers'

/**
 * What upstreams are known not to take, as of its version. Only what a request can do without is stripped: context editing, per-turn effort, cache scope, speed.
 * What it cannot (MCP servers, files, skills, checks of dangerous tool use) goes on, so that an upstream that does not take it says so in its own words.
 */
export const defaultCapabilities: CapabilityTable = checkCapabilities({
  version: '2026-11-24',
  betas: {
    'claude-code-20250219': { fields: [], source: observed('Bedrock') },
    'context-management-2025-06-27': { fields: ['context_management'], source: `${sdkTypes}; ${observed('Bedrock')}` },
    'per-turn-control-2026-07-01': { fields: ['messages[].output_config'], source: `${sdkTypes}; ${observed('Bedrock')}` },
    'mid-conversation-output-config-2026-07-01': { fields: ['messages[].output_config'], source: sdkTypes },
    'mid-conversation-tool-changes-2026-07-01': {
      fields: ['messages[].content[type=tool_addition]', 'messages[].content[type=tool_removal]'],
      source: `${sdkTypes}; ${observed('Bedrock')}`,
    },
    'prompt-caching-scope-2026-01-05': { fields: ['**.cache_control.scope'], source: betaTable },
    'fast-mode-2026-02-01': { fields: ['speed'], source: `${sdkTypes}; ${betaTable}` },
  },
  upstreams: {
    anthropic: { refusedBetas: [], renamedBetas: {}, stripsBillingBlock: false, sources: [betaDocs] },
    'bedrock-mantle': {
      refusedBetas: ['prompt-caching-scope-2026-01-05', 'fast-mode-2026-02-01'],
      renamedBetas: { 'advanced-tool-use-2025-11-20': 'tool-search-tool-2025-10-19' },
      stripsBillingBlock: false,
      sources: [observed('Bedrock Mantle'), betaTable],
    },
    'bedrock-invoke': {
      refusedBetas: [
        'claude-code-20250219',
        'context-management-2025-06-27',
        'per-turn-control-2026-07-01',
        'mid-conversation-output-config-2026-07-01',
        'mid-conversation-tool-changes-2026-07-01',
        'prompt-caching-scope-2026-01-05',
        'fast-mode-2026-02-01',
      ],
      renamedBetas: { 'advanced-tool-use-2025-11-20': 'tool-search-tool-2025-10-19' },
      stripsBillingBlock: true,
      sources: [observed('Bedrock'), betaTable],
    },
    vertex: {
      refusedBetas: [
        'context-management-2025-06-27',
        'per-turn-control-2026-07-01',
        'mid-conversation-output-config-2026-07-01',
        'mid-conversation-tool-changes-2026-07-01',
        'prompt-caching-scope-2026-01-05',
        'fast-mode-2026-02-01',
      ],
      renamedBetas: { 'advanced-tool-use-2025-11-20': 'tool-search-tool-2025-10-19' },
      stripsBillingBlock: true,
      sources: [observed('Vertex'), betaTable],
    },
    foundry: { refusedBetas: ['fast-mode-2026-02-01'], renamedBetas: {}, stripsBillingBlock: true, sources: [observed('Foundry'), betaTable] },
    'messages-compatible': {
      refusedBetas: [],
      renamedBetas: {},
      stripsBillingBlock: true,
      sources: ['https://github.com/anthropics/claude-code/issues/40652'],
    },
  },
})
