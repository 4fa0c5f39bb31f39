import { mintId, type RandomSource } from './ids.ts'

/** Prose. With `citations` the block starts with an empty citations list and each one arrives as a `citations_delta`. */
export interface TextBlock {
  readonly type: 'text'
  readonly text: string
  readonly citations?: readonly object[]
}

/** Signed reasoning. An empty `thinking` with a signature is what `display: "omitted"` yields on the newest models. */
export interface ThinkingBlock {
  readonly type: 'thinking'
  readonly thinking: string
  readonly signature: string
}

/** Reasoning that the API hands back encrypted: sent whole in `content_block_start`, no deltas. */
export interface RedactedThinkingBlock {
  readonly type: 'redacted_thinking'
  readonly data: string
}

/** A call of one of the client's tools; the input streams as `input_json_delta` text. */
export interface ToolUseBlock {
  readonly type: 'tool_use'
  readonly id?: string
  readonly name: string
  readonly input: object
}

/** A call of a tool that the API runs itself (`web_search`, `web_fetch`, …). */
export interface ServerToolUseBlock {
  readonly type: 'server_tool_use'
  readonly id?: string
  readonly name: string
  readonly input: object
}

/** What the API's own web search found: sent whole in `content_block_start`. */
export interface WebSearchResultBlock {
  readonly type: 'web_search_tool_result'
  readonly tool_use_id: string
  readonly content: readonly object[] | object
}

/** Any other block, sent verbatim and whole in `content_block_start`. */
export interface RawBlock {
  readonly type: 'raw'
  readonly block: { readonly type: string; readonly [key: string]: unknown }
}

/** A content block of a scripted reply. */
export type ReplyBlock = TextBlock | ThinkingBlock | RedactedThinkingBlock | ToolUseBlock | ServerToolUseBlock | WebSearchResultBlock | RawBlock

/** A block as it stands in a finished message, ids minted. */
export type FinishedBlock = { readonly type: string; readonly [key: string]: unknown }

/** Gives every tool call its id and its `caller`, so that the stream and the JSON form of a reply agree. */
export function finishBlocks(blocks: readonly ReplyBlock[], random: RandomSource): FinishedBlock[] {
  return blocks.map((block) => finishBlock(block, random))
}

function finishBlock(block: ReplyBlock, random: RandomSource): FinishedBlock {
  switch (block.type) {
    case 'tool_use':
      return {
        type: 'tool_use',
        id: block.id ?? mintId('toolu', random),
        name: block.name,
        input: block.input,
        caller: { type: 'direct' },
      }
    case 'server_tool_use':
      return {
        type: 'server_tool_use',
        id: block.id ?? mintId('srvtoolu', random),
        name: block.name,
        input: block.input,
        caller: { type: 'direct' },
      }
    case 'text':
      return block.citations === undefined ? { type: 'text', text: block.text } : { citations: block.citations, type: 'text', text: block.text }
    case 'raw':
      return block.block
    default:
      return { ...block }
  }
}

/** How a finished block is opened and filled on a stream. */
export interface BlockEvents {
  readonly start: object
  readonly deltas: readonly object[]
}

/**
 * The opening and the deltas of one block. Tool input always begins with one empty `input_json_delta`, thinking ends
 * with its `signature_delta`, and citations come before the text they support (recorded traffic).
 */
export function blockEvents(block: FinishedBlock, pieceLength: number): BlockEvents {
  switch (block.type) {
    case 'text': {
      const text = String(block['text'])
      const citations = block['citations']
      const deltas: object[] = Array.isArray(citations) ? citations.map((citation: unknown) => ({ type: 'citations_delta', citation })) : []
      for (const piece of pieces(text, pieceLength)) deltas.push({ type: 'text_delta', text: piece })
      return {
        start: Array.isArray(citations) ? { citations: [], type: 'text', text: '' } : { type: 'text', text: '' },
        deltas,
      }
    }
    case 'thinking': {
      const text = String(block['thinking'])
      const deltas: object[] = pieces(text, pieceLength).map((piece) => ({ type: 'thinking_delta', thinking: piece }))
      if (text === '') {
        deltas.push({ type: 'thinking_delta', thinking: '', estimated_tokens: 50 }, { type: 'thinking_delta', thinking: '', estimated_tokens: null })
      }
      deltas.push({ type: 'signature_delta', signature: String(block['signature']) })
      return { start: { type: 'thinking', thinking: '', signature: '' }, deltas }
    }
    case 'tool_use':
    case 'server_tool_use': {
      const json = JSON.stringify(block['input'])
      const parts = json === '{}' ? [] : pieces(json, pieceLength)
      return {
        start: { ...block, input: {} },
        deltas: ['', ...parts].map((piece) => ({ type: 'input_json_delta', partial_json: piece })),
      }
    }
    default:
      return { start: block, deltas: [] }
  }
}

/** Cuts text into pieces of about `length` UTF-16 units, of varying size, never inside a surrogate pair. */
export function pieces(text: string, length: number): string[] {
  const parts: string[] = []
  for (let start = 0; start < text.length;) {
    const wanted = Math.max(1, Math.round(length * (0.5 + ((parts.length * 7) % 11) / 10)))
    let end = Math.min(text.length, start + wanted)
    const last = text.charCodeAt(end - 1)
    if (last >= 0xd800 && last <= 0xdbff && end < text.length) end += 1
    parts.push(text.slice(start, end))
    start = end
  }
  return parts
}
