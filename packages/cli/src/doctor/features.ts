import type { ClaudeSettings } from '../client/claude-settings.ts'
import { isOn } from './claude-code-checks.ts'

/** Something of Claude Code that depends on which host it talks to. */
export interface Feature {
  readonly name: string
  /** `off`: a setting turns it on; `not-possible`: Claude Code itself asks for api.anthropic.com. */
  readonly state: 'on' | 'off' | 'not-possible'
  /** The variable and value that turn it on; null where none does. */
  readonly setting: string | null
  readonly note: string
}

interface Switchable {
  readonly name: string
  readonly variable: string
  readonly value: string
  readonly note: string
}

/** Off by default behind any gateway (Claude Code 2.1.330), and what turns it on. */
const switchable: readonly Switchable[] = [
  {
    name: 'tool search',
    variable: 'ENABLE_TOOL_SEARCH',
    value: 'true',
    note: 'Off, every MCP tool is in every prompt, which costs tokens. tool_reference blocks pass Sluice untouched.',
  },
  {
    name: 'model discovery',
    variable: 'CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY',
    value: '1',
    note: 'Fills the model picker from /v1/models of the gateway.',
  },
  {
    name: 'hint headers',
    variable: 'CLAUDE_CODE_GATEWAY_HINT_HEADERS',
    value: '1',
    note: 'Tell request class, agent type and prompt id: finer reports. sluice run sets it.',
  },
  {
    name: 'repository in telemetry',
    variable: 'OTEL_METRICS_INCLUDE_REPOSITORY',
    value: '1',
    note: 'For those who collect OpenTelemetry. Sluice itself has the repository without it.',
  },
  {
    name: 'trace context',
    variable: 'CLAUDE_CODE_PROPAGATE_TRACEPARENT',
    value: '1',
    note: 'One trace per prompt through the gateway; needs telemetry (CLAUDE_CODE_ENABLE_TELEMETRY=1).',
  },
  {
    name: '1-hour prompt cache',
    variable: 'ENABLE_PROMPT_CACHING_1H',
    value: '1',
    note: 'Cache writes cost 2x instead of 1.25x, and last an hour: worth it for sessions with long pauses.',
  },
]

/** Not to be had behind a gateway; with what helps instead. */
const notPossible: readonly (readonly [name: string, note: string])[] = [
  ['remote control', 'Claude Code checks for the host api.anthropic.com. No setting and no gateway can change that.'],
  ['scheduled tasks (/schedule)', 'The same.'],
  ['claude.ai connectors (MCP)', 'The same. MCP servers of your own work as ever.'],
  ['1M context in the model picker', 'The entry is not shown; name the model with the suffix instead: ANTHROPIC_MODEL="claude-sonnet-4-5[1m]".'],
]

/** What is off behind a gateway here, and which setting turns it on. */
export function features({ variable }: ClaudeSettings): readonly Feature[] {
  return [
    ...switchable.map(({ name, variable: setting, value, note }): Feature => ({
      name,
      state: isOn(variable(setting)?.value) ? 'on' : 'off',
      setting: `${setting}=${value}`,
      note,
    })),
    ...notPossible.map(([name, note]): Feature => ({ name, state: 'not-possible', setting: null, note })),
  ]
}
