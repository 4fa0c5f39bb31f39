import type { Attribution } from '../entry/attribution.ts'
import { isSecretShaped } from './labels.ts'
import { sessionHeader } from './session.ts'
import type { SystemPrompt } from './system-prompt.ts'
import { headerValue, type HeaderList } from '../wire/header-list.ts'

/** What a client says of itself. */
export interface ClientFacts extends Pick<Attribution, 'client' | 'clientVersion' | 'entryPoint'> {
  readonly isClaudeCode: boolean
  /** From the billing block; only newer versions set it. */
  readonly isSubAgent: boolean
}

const claudeCodeAgent = /^claude-(?:cli|code)\/(\d[\w.+-]{0,31})(?: \(external, ([a-z][a-z0-9-]{0,31})\))?/i
const anyAgent = /^([A-Za-z][\w.-]{0,39})\/(?:[A-Za-z]{1,16} )?v?(\d[\w.+-]{0,31})/
/** The version's fourth part is a fingerprint of the first prompt: never kept. */
const billingVersion = /\bcc_version=(\d+\.\d+\.\d+)/
const billingEntryPoint = /\bcc_entrypoint=([a-z][a-z0-9-]{0,31});/

/** Client, version and entry point, from the User-Agent and the billing block. */
export function clientOf(headers: HeaderList, system: SystemPrompt): ClientFacts {
  const agent = headerValue(headers, 'user-agent') ?? ''
  const billing = system.billing ?? ''
  const [isNamed, version, agentEntryPoint] = claudeCodeAgent.exec(agent) ?? []
  const isSubAgent = billing.includes('cc_is_subagent=true;')
  if (isNamed === undefined && !system.isClaudeCode && headerValue(headers, sessionHeader) === undefined) {
    const [, name, otherVersion] = anyAgent.exec(agent) ?? []
    if (name === undefined || otherVersion === undefined || isSecretShaped(name) || isSecretShaped(otherVersion)) return { isClaudeCode: false, isSubAgent }
    return { isClaudeCode: false, isSubAgent, client: { value: name, source: 'user-agent' }, clientVersion: { value: otherVersion, source: 'user-agent' } }
  }
  const billedVersion = billingVersion.exec(billing)?.[1]
  const billedEntryPoint = billingEntryPoint.exec(billing)?.[1]
  const clientVersion = version ?? billedVersion
  const entryPoint = billedEntryPoint ?? agentEntryPoint
  return {
    isClaudeCode: true,
    isSubAgent,
    client: { value: 'claude-code', source: isNamed !== undefined ? 'user-agent' : system.billing !== undefined ? 'billing-block' : 'request-shape' },
    ...(clientVersion !== undefined && { clientVersion: { value: clientVersion, source: version !== undefined ? 'user-agent' : 'billing-block' } }),
    ...(entryPoint !== undefined && { entryPoint: { value: entryPoint, source: billedEntryPoint !== undefined ? 'billing-block' : 'user-agent' } }),
  }
}
