import type { Attributed, Attribution } from '../entry/attribution.ts'
import { headerValue, type HeaderList } from '../wire/header-list.ts'
import { toDeclaredLabel } from './labels.ts'

const idGrammar = /^[\w-]{1,64}$/

/** Which agent of the session asks, and for which prompt. Ids come always; type and prompt only with `CLAUDE_CODE_GATEWAY_HINT_HEADERS=1`. */
export function agentOf(headers: HeaderList): Pick<Attribution, 'agent' | 'parentAgent' | 'agentType' | 'prompt'> {
  const agent = id(headers, 'x-claude-code-agent-id')
  const parentAgent = id(headers, 'x-claude-code-parent-agent-id')
  const agentType = headerValue(headers, 'x-claude-code-agent-type')
  const typeLabel = agentType === undefined ? undefined : toDeclaredLabel(agentType)
  const prompt = id(headers, 'x-claude-code-prompt-id')
  return {
    ...(agent && { agent }),
    ...(parentAgent && { parentAgent }),
    ...(typeLabel !== undefined && { agentType: { value: typeLabel, source: 'header' } }),
    ...(prompt && { prompt }),
  }
}

function id(headers: HeaderList, name: string): Attributed | undefined {
  const value = headerValue(headers, name)?.trim()
  return value !== undefined && idGrammar.test(value) ? { value, source: 'header' } : undefined
}
