import { createHash } from 'node:crypto'
import { isObject, objectsOf, type JsonObject } from './json.ts'
import { blocksOf } from './request.ts'

/** One cacheable unit of a prompt, in the API's order: tools, system, messages. */
export interface PromptBlock {
  /** Hash of this block and of every block before it. */
  readonly prefixHash: string
  readonly tokens: number
  /** The block's own cache breakpoint. */
  readonly breakpoint: '5m' | '1h' | undefined
}

/** The rehearsal's whole tokenizer: four UTF-8 bytes are one token, at least one token a block. */
export function tokensFromBytes(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / 4))
}

/** Tokens that every prompt has beyond its blocks; recorded cached turns report 1 to 3 fresh tokens for them. */
export const FRAMING_TOKENS = 3

/** Tokens of a text by the same rule; an empty text has none. */
export function tokensOfText(text: string): number {
  return text === '' ? 0 : tokensFromBytes(Buffer.byteLength(text))
}

/** What Claude Code writes into the first system block. The API takes it out: some versions put a check sum there that is new in each request. */
const BILLING_BLOCK = /^x-anthropic-billing-header:/

/**
 * The blocks of a prompt with their prefix hashes. Content given as a string equals one text block, because clients
 * flip between the two forms as a conversation grows; `cache_control` is not part of what is hashed.
 */
export function promptBlocks(body: JsonObject): PromptBlock[] {
  const blocks: PromptBlock[] = []
  const tools = objectsOf(body['tools'])
  let chain = ''
  const add = (place: string, block: JsonObject): void => {
    const text = canonicalBlock(block)
    const hashed = place === 'system' && blocks.length === tools.length && BILLING_BLOCK.test(text) ? '' : text
    chain = createHash('sha1').update(chain).update(place).update(hashed).digest('base64')
    blocks.push({
      prefixHash: chain,
      tokens: tokensFromBytes(Buffer.byteLength(text)),
      breakpoint: breakpointOf(block),
    })
  }
  for (const tool of tools) add('tool', tool)
  for (const block of blocksOf(body['system'])) add('system', block)
  for (const message of objectsOf(body['messages'])) {
    for (const block of blocksOf(message['content'])) add(String(message['role']), block)
  }
  const last = blocks.at(-1)
  const automatic = breakpointOf(body)
  if (last !== undefined && automatic !== undefined) blocks[blocks.length - 1] = { ...last, breakpoint: last.breakpoint ?? automatic }
  return blocks
}

/** The lifetime that a block's `cache_control` asks for; `undefined` when it carries none (prompt caching guide). */
export function breakpointOf(block: JsonObject): '5m' | '1h' | undefined {
  const control = block['cache_control']
  if (!isObject(control)) return undefined
  return control['ttl'] === '1h' ? '1h' : '5m'
}

function canonicalBlock(block: JsonObject): string {
  if (block['type'] === 'text' && typeof block['text'] === 'string' && block['citations'] === undefined) return block['text']
  const { cache_control: _control, ...rest } = block
  if (rest['type'] === 'tool_result') {
    return JSON.stringify({
      ...rest,
      content: blocksOf(rest['content']).map(({ cache_control: _inner, ...inner }) => inner),
    })
  }
  return JSON.stringify(rest)
}
