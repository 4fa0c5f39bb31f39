import { blockEvents, finishBlocks, type FinishedBlock, type ReplyBlock } from './blocks.ts'
import { mintId, type RandomSource } from './ids.ts'
import { PING_FRAME, paddedSse } from './sse.ts'
import { completeUsage, type MessageUsage, type PartialUsage } from './usage.ts'

/** What a reply says; both its streamed and its JSON form are built from this. */
export interface MessageParts {
  /** @defaultValue `'claude-opus-5-5'` */
  readonly model?: string
  /** @defaultValue a fresh `msg_` id: reusing one makes Claude Code merge two replies and loop */
  readonly id?: string
  readonly blocks: readonly ReplyBlock[]
  /** The final usage; the start of a stream shows the same input with a placeholder output. */
  readonly usage?: PartialUsage
  /** Fields that `message_start` reports differently from the end, e.g. the lower input before a server tool ran. */
  readonly startUsage?: PartialUsage
  /** @defaultValue `'tool_use'` when a tool is called, else `'end_turn'` */
  readonly stopReason?: string
  readonly stopSequence?: string | null
  /** Answers to the request's `safeguards`, sent in `message_delta.delta` or at the top level of a JSON reply. */
  readonly safeguardResults?: readonly object[]
  /** Whether the reply reports `context_management`, as it does when the request asked for it. */
  readonly contextManagement?: boolean
  /** @defaultValue `14` characters a delta, about four tokens */
  readonly pieceLength?: number
  readonly random?: RandomSource
}

interface FinishedMessage {
  readonly head: { readonly model: string; readonly id: string; readonly type: 'message'; readonly role: 'assistant' }
  readonly blocks: readonly FinishedBlock[]
  readonly usage: MessageUsage
  readonly stop: { readonly stop_reason: string; readonly stop_sequence: string | null; readonly stop_details: null }
}

function finishMessage(parts: MessageParts): FinishedMessage {
  const random = parts.random ?? Math.random
  const blocks = finishBlocks(parts.blocks, random)
  const called = blocks.some((block) => block.type === 'tool_use')
  return {
    head: {
      model: parts.model ?? 'claude-opus-5-5',
      id: parts.id ?? mintId('msg', random),
      type: 'message',
      role: 'assistant',
    },
    blocks,
    usage: completeUsage(parts.usage),
    stop: {
      stop_reason: parts.stopReason ?? (called ? 'tool_use' : 'end_turn'),
      stop_sequence: parts.stopSequence ?? null,
      stop_details: null,
    },
  }
}

/**
 * The frames of a streamed reply, one event each, in exactly the API's shape: `message_start` with a placeholder
 * `output_tokens`, a `ping` after the first `content_block_start`, blocks one after another, a `message_delta` with
 * cumulative usage, `message_stop`; every JSON padded with up to 15 spaces (recorded traffic, 2026).
 */
export function messageStream(parts: MessageParts): Uint8Array[] {
  const { head, blocks, usage, stop } = finishMessage(parts)
  const frames: Uint8Array[] = []
  const push = (event: string, data: object): void => {
    frames.push(paddedSse(event, data, (frames.length * 7 + 12) % 16))
  }
  push('message_start', {
    type: 'message_start',
    message: {
      ...head,
      content: [],
      stop_reason: null,
      stop_sequence: null,
      stop_details: null,
      usage: openingUsage(usage, parts.startUsage),
    },
  })
  blocks.forEach((block, index) => {
    const { start, deltas } = blockEvents(block, parts.pieceLength ?? 14)
    push('content_block_start', { type: 'content_block_start', index, content_block: start })
    if (index === 0) frames.push(PING_FRAME)
    for (const delta of deltas) push('content_block_delta', { type: 'content_block_delta', index, delta })
    push('content_block_stop', { type: 'content_block_stop', index })
  })
  const delta = parts.safeguardResults === undefined ? stop : { ...stop, safeguard_results: parts.safeguardResults }
  push('message_delta', {
    type: 'message_delta',
    delta,
    usage: closingUsage(usage),
    ...(parts.contextManagement === true ? { context_management: { applied_edits: [] } } : {}),
  })
  push('message_stop', { type: 'message_stop' })
  return frames
}

/** The JSON form of a reply, for requests without `stream: true`. */
export function messageJson(parts: MessageParts): Uint8Array {
  const { head, blocks, usage, stop } = finishMessage(parts)
  return new TextEncoder().encode(
    JSON.stringify({
      ...head,
      content: blocks,
      ...stop,
      usage,
      ...(parts.contextManagement === true ? { context_management: { applied_edits: [] } } : {}),
      ...(parts.safeguardResults === undefined ? {} : { safeguard_results: parts.safeguardResults }),
    }),
  )
}

function openingUsage(final: MessageUsage, overrides: PartialUsage | undefined): object {
  const { output_tokens_details: _details, server_tool_use: _server, ...opening } = { ...final, ...overrides }
  return { ...opening, output_tokens: Math.min(1, final.output_tokens) }
}

function closingUsage(final: MessageUsage): object {
  const { cache_creation, service_tier: _tier, inference_geo: _geo, speed: _speed, output_tokens_details, server_tool_use, ...counters } = final
  return {
    ...counters,
    output_tokens_details: output_tokens_details ?? { thinking_tokens: 0 },
    ...(server_tool_use === undefined ? {} : { server_tool_use }),
    iterations: [
      {
        input_tokens: counters.input_tokens,
        output_tokens: counters.output_tokens,
        cache_read_input_tokens: counters.cache_read_input_tokens,
        cache_creation_input_tokens: counters.cache_creation_input_tokens,
        cache_creation,
        type: 'message',
      },
    ],
  }
}
