import type { Attributed, AttributionSource, RequestKind } from '../entry/attribution.ts'
import type { RequestBody } from '../exchange/request-body.ts'
import { toBytes } from '../wire/bytes.ts'
import { headerValue, type HeaderList } from '../wire/header-list.ts'
import type { TopLevelMember } from '../wire/json-scan.ts'
import type { ClientFacts } from './client.ts'
import { literals, opensWith } from './literals.ts'
import { trailingMessages, type MessageView } from './messages.ts'
import type { SystemPrompt } from './system-prompt.ts'

/** What the kind is told from. */
export interface KindEvidence {
  readonly method: string
  readonly path: string
  readonly headers: HeaderList
  readonly body: RequestBody
  readonly client: ClientFacts
  readonly system: SystemPrompt
}

/** How the system prompt opens (after billing and introduction), per kind; every wording since 0.2. */
const opens = {
  classifier: literals('You are a security monitor for autonomous AI coding agents.'),
  compaction: literals('You are a helpful AI assistant tasked with summarizing conversations.'),
  title: literals(
    'You are naming a coding session',
    'Generate a concise, sentence-case title',
    'Summarize this coding conversation in under 50 characters',
    'Analyze if this message indicates a new conversation topic',
  ),
  promptHook: literals('You are evaluating a hook in Claude Code'),
  agentHook: literals('You are verifying a stop condition in Claude Code'),
  subAgent: literals(
    'You are an agent for Claude Code',
    'You are a file search specialist for Claude Code',
    'You are a software architect and planning specialist',
  ),
} as const

/** How the last text of a request opens that otherwise looks like any turn. */
const asks = {
  compaction: literals('CRITICAL: Respond with TEXT ONLY. Do NOT call any tools.', 'Your task is to create a detailed summary of the conversation'),
  aside: literals('<system-reminder>This is a side question from the user.'),
  recapOrSuggestion: literals('The user stepped away and is coming back. Recap in under', '[SUGGESTION MODE: '),
  /** The whole text, up to its closing quote. */
  warmUp: [toBytes('Warmup"')],
} as const

/** Messages at the end that are looked at: system messages may follow the user's. */
const trailingCount = 3
const trailingBytes = 64 * 1024

/**
 * What a request is for: the route, then what the client declares (`x-claude-code-request-class`; its `x-claude-1p-request-class` calls half
 * of the side calls "main"), then fixed texts and fields. Never the size of anything, and never the model.
 */
export function kindOf(evidence: KindEvidence): Attributed<RequestKind> {
  const { method, path, headers, body, client, system } = evidence
  if (path === '/v1/messages/count_tokens') return by('path', 'count-tokens')
  if (path === '/v1/models' || path.startsWith('/v1/models/')) return by('path', 'models')
  if (!client.isClaudeCode || method !== 'POST' || path !== '/v1/messages' || body.scan.kind !== 'object') return by('request-shape', 'other')
  const declared = headerValue(headers, 'x-claude-code-request-class')
  if (declared === 'main' || declared === 'compaction') return by('header', declared)
  if (declared === 'subagent' || declared === 'workflow') {
    return opensWith(system.opening, opens.agentHook) ? by('request-shape', 'hook') : by('header', 'sub-agent')
  }
  const side = sideKind(body, system)
  if (side !== undefined) return by('request-shape', side)
  if (declared === 'auxiliary' || declared === 'side_reply') return by('header', 'auxiliary')
  if (headerValue(headers, 'x-claude-code-agent-id') !== undefined) return by('header', 'sub-agent')
  if (client.isSubAgent) return by('billing-block', 'sub-agent')
  return by('request-shape', opensWith(system.opening, opens.subAgent) ? 'sub-agent' : 'main')
}

/** A call that the client makes on the side; undefined for a turn of the conversation. */
function sideKind(body: RequestBody, { opening }: SystemPrompt): RequestKind | undefined {
  const isOpening = (texts: readonly Uint8Array[]): boolean => opensWith(opening, texts)
  const hasTools = !isEmptyArray(body.member('tools'))
  if (isOpening(opens.compaction)) return 'compaction'
  if (!hasTools && body.value('max_tokens', 1) === 1) return 'probe'
  if (hasTools && isWebSearchOnly(body)) return 'web-search'
  if (isOpening(opens.classifier) || (!hasTools && isVerdictOnly(body))) return 'classifier'
  const trailing = trailingMessages(body, trailingCount, trailingBytes)
  const lastOfUser = trailing.find(({ role }) => role === 'user')
  if (lastOfUser !== undefined && lastTextOpens(lastOfUser, asks.compaction)) return 'compaction'
  const last = trailing[0]
  if (!hasTools) {
    const answer = answerProperties(body)
    if (isOpening(opens.title) || answer?.join() === 'title' || answer?.includes('isNewTopic')) return 'title'
    if (isOpening(opens.promptHook) || answer?.includes('ok')) return 'hook'
    return last !== undefined && lastTextOpens(last, asks.warmUp) ? 'probe' : 'auxiliary'
  }
  if (isOpening(opens.agentHook)) return 'hook'
  if (last !== undefined && (opensWith(last.texts[0], asks.aside) || lastTextOpens(last, asks.recapOrSuggestion))) return 'auxiliary'
  return undefined
}

function by(source: AttributionSource, value: RequestKind): Attributed<RequestKind> {
  return { value, source }
}

function lastTextOpens({ texts }: MessageView, openings: readonly Uint8Array[]): boolean {
  return opensWith(texts.at(-1), openings)
}

function isEmptyArray(member: TopLevelMember | undefined): boolean {
  return member === undefined || member.end - member.start === 2
}

/** The nested request of the WebSearch tool carries that server tool and nothing else. */
function isWebSearchOnly(body: RequestBody): boolean {
  const tools = body.value('tools', 4096)
  return Array.isArray(tools) && tools.every((tool) => String(field(tool, 'type')).startsWith('web_search_'))
}

/** The classifier may only answer with a verdict, and says where that ends. */
function isVerdictOnly(body: RequestBody): boolean {
  const stops = body.value('stop_sequences', 256)
  return Array.isArray(stops) && body.member('stream') === undefined && (stops.includes('</block>') || stops.includes('</severity>'))
}

/** The keys of the JSON answer that is asked for. */
function answerProperties(body: RequestBody): readonly string[] | undefined {
  const properties = field(field(field(body.value('output_config', 8192), 'format'), 'schema'), 'properties')
  return typeof properties === 'object' && properties !== null ? Object.keys(properties) : undefined
}

function field(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined
}
