import { featureAt, promptFeatures, type PromptFeature, type PromptShape } from '../meter/prompt-shape.ts'
import { toText } from '../wire/bytes.ts'
import { readString } from '../wire/json-scan.ts'
import { attachmentSize } from './attachment-size.ts'
import { JsonCursor, UnreadableError } from './json-cursor.ts'
import { RequestBody } from './request-body.ts'
import { TextClasses } from './text-classes.ts'

const quote = 0x22
const openBrace = 0x7b
const openBracket = 0x5b
const closeBracket = 0x5d
const comma = 0x2c
const letterT = 0x74

/** Bodies nested deeper are no prompts; what is deeper is passed over. */
const mostDepth = 64
/** Ends of messages that are kept, from the last: the next turn adds two or three. */
const mostPrefixes = 24

/** How a value is counted. */
type Reading =
  /** Not at all: identifiers, cache marks. */
  | 'skip'
  /** A text, or content blocks. */
  | 'content'
  /** All of it, as the JSON that the model is shown. */
  | 'json'
  | 'data'
  /** What thinking left: by its bytes. */
  | 'thinking'

/** Members of content blocks. What is not named here is content. */
const readings: ReadonlyMap<string, Reading> = new Map<string, Reading>([
  ...['type', 'id', 'tool_use_id', 'role', 'cache_control', 'media_type', 'file_id', 'url', 'encrypted_content', 'encrypted_index', 'citations'].map(
    (key): [string, Reading] => [key, 'skip'],
  ),
  ...['caller', 'output_config', 'is_error', 'page_age'].map((key): [string, Reading] => [key, 'skip']),
  ['input', 'json'],
  ['data', 'data'],
  ['thinking', 'thinking'],
  ['signature', 'thinking'],
])

const blockFeatures: ReadonlyMap<string, PromptFeature> = new Map<string, PromptFeature>([
  ['text', 'textBlocks'],
  ['tool_use', 'toolUses'],
  ['server_tool_use', 'toolUses'],
  ['mcp_tool_use', 'toolUses'],
  ['tool_result', 'toolResults'],
  ['mcp_tool_result', 'toolResults'],
])

/** Objects that say where a block's bytes are, and are no blocks. */
const sources: ReadonlySet<string> = new Set(['base64', 'url', 'file', 'content'])

/** An object with a schema is no shorter. */
const leastSchemaBytes = 64
const shortBytes = 1_024
/** What changes how the API writes the head, besides its text. */
const headFeatures = ['toolSets', 'forcedChoices', 'answerSchemas', 'budgetedThinking', 'adaptiveThinking'] as const

const noCounts = new Float64Array(promptFeatures.length)

/** Bytes of sections that lie in several chunks are joined here: a copy for each request would be garbage at once. */
let scratch = new Uint8Array(0)
/** Read without a pause: a millisecond or two. Larger sections have a copy of their own, since others may read theirs in the pauses. */
const sliceBytes = 512 * 1024

/** A prompt as {@link readPrompt} finds it. */
export interface ReadPrompt {
  readonly shape: PromptShape
  /** What is counted, as text: of the tools and the system prompt, then of each message. Empty unless asked for. */
  readonly texts: readonly string[]
}

/**
 * Counts what a request's prompt is made of, in one pass over its tools, system prompt and messages. Keeps no text of its own. Lets other work run between messages
 * of large bodies. Undefined where the body is not JSON that can be walked.
 *
 * @param hasTexts - also collect the texts
 * @param pause - resolves when other work has had its turn
 */
export async function readPrompt(body: RequestBody, hasTexts: boolean, pause: () => Promise<void>): Promise<ReadPrompt | undefined> {
  if (body.scan.kind !== 'object') return undefined
  try {
    const reader = new PromptReader(hasTexts)
    reader.readHead(body)
    let paused = 0
    for (const at of reader.messages(body)) {
      if (at - paused < sliceBytes) continue
      paused = at
      await pause()
    }
    return reader.end()
  } catch (cause) {
    if (cause instanceof UnreadableError) return undefined
    throw cause
  }
}

function textAt(value: unknown, key: string): string | undefined {
  const field = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined
  return typeof field === 'string' ? field : undefined
}

class PromptReader {
  readonly counts: Float64Array = new Float64Array(promptFeatures.length)
  readonly #texts = new TextClasses()
  readonly #prefixes: string[] = []
  readonly #hasTexts: boolean
  readonly #allTexts: string[] = []
  readonly #parts: string[] = []
  #head: string | undefined
  #headCounts: Float64Array = noCounts
  readonly #json = new JsonCursor()
  /** Sources of the block that is read whose bytes are elsewhere. */
  #named = 0
  #attachmentBytes = 0

  constructor(hasTexts: boolean) {
    this.#hasTexts = hasTexts
  }

  add(feature: PromptFeature, count: number): void {
    const at = featureAt[feature]
    this.counts[at] = (this.counts[at] as number) + count
  }

  /** Reads what stands before the messages in the prompt. */
  readHead(body: RequestBody): void {
    if (this.#open(body, 'tools')) {
      if (this.#json.peek() === openBracket) this.#json.items(() => this.#tool())
      else this.#value('skip', 0)
    }
    if (this.#open(body, 'system')) {
      this.add('systemPrompts', 1)
      this.#value('content', 0)
    }
    const choice = textAt(body.value('tool_choice', shortBytes), 'type')
    if (this.#count('tools') > 0 && choice !== 'none') this.add('toolSets', 1)
    if (choice === 'any' || choice === 'tool') this.add('forcedChoices', 1)
    const thinking = textAt(body.value('thinking', shortBytes), 'type')
    if (thinking === 'enabled') this.add('budgetedThinking', 1)
    if (thinking === 'adaptive') this.add('adaptiveThinking', 1)
    const servers = body.value('mcp_servers', 64 * 1024)
    if (Array.isArray(servers)) this.add('toolServers', servers.length)
    this.#readFormat(body)
    this.#closeHead()
  }

  /** Reads the messages, one a step; tells how far it is. */
  *messages(body: RequestBody): Generator<number, void, void> {
    if (!this.#open(body, 'messages')) return
    if (this.#json.peek() !== openBracket) throw new UnreadableError()
    this.#json.at += 1
    for (;;) {
      const byte = this.#json.peek()
      if (byte === closeBracket) return
      if (byte === comma) this.#json.at += 1
      else {
        this.#message()
        yield this.#json.at
      }
    }
  }

  /** An answer's schema is shown to the model as tools are; effort, which stands there as well, is not. */
  #readFormat(body: RequestBody): void {
    const key = body.member('output_format') === undefined ? 'output_config' : 'output_format'
    const member = body.member(key)
    if (member === undefined || member.end - member.start < leastSchemaBytes || !this.#open(body, key)) return
    this.add('answerSchemas', 1)
    this.#value('json', 0)
  }

  #closeHead(): void {
    if (this.#texts.bytes > 0) {
      for (const feature of headFeatures) this.#texts.fold(this.#count(feature))
      this.#head = this.#texts.fingerprint
    }
    this.#headCounts = this.counts.slice()
    this.#texts.into(this.#headCounts)
    this.#closeText()
  }

  end(): ReadPrompt {
    this.add('requests', 1)
    this.#texts.into(this.counts)
    return {
      shape: { counts: this.counts, attachmentBytes: this.#attachmentBytes, head: this.#head, headCounts: this.#headCounts, prefixes: this.#prefixes },
      texts: this.#allTexts,
    }
  }

  #count(feature: PromptFeature): number {
    return this.counts[featureAt[feature]] as number
  }

  #closeText(): void {
    if (this.#hasTexts) this.#allTexts.push(this.#parts.join(' '))
    this.#parts.length = 0
  }

  /** Goes to the value at a top-level key; false where there is none. */
  #open(body: RequestBody, key: string): boolean {
    const member = body.member(key)
    if (member === undefined) return false
    const size = member.end - member.start
    const parts = RequestBody.glance(body, () => body.parts(member.start, member.end))
    if (size <= sliceBytes && scratch.length === 0) scratch = new Uint8Array(sliceBytes)
    this.#json.bytes = size > sliceBytes ? new Uint8Array(size) : scratch
    let at = 0
    for (const part of parts) {
      this.#json.bytes.set(part, at)
      at += part.length
    }
    this.#json.at = 0
    this.#json.end = size
    return true
  }

  #message(): void {
    this.add('messages', 1)
    this.#texts.fold(1)
    this.#json.members((key) => {
      if (key !== 'role') return this.#value(readings.get(key) ?? 'content', 1)
      const role = this.#name()
      if (role === 'assistant') this.add('assistantMessages', 1)
      this.#texts.fold(role.length)
      return undefined
    })
    this.#closeText()
    this.#prefixes.push(this.#texts.fingerprint)
    if (this.#prefixes.length > mostPrefixes) this.#prefixes.shift()
  }

  #tool(): void {
    const counts = this.counts.slice()
    const texts = this.#texts.mark()
    let isDeferred = false
    this.add('tools', 1)
    this.#json.members((key) => {
      if (key === 'defer_loading') isDeferred = this.#json.peek() === letterT
      if (key === 'cache_control' || key === 'defer_loading') return this.#value('skip', 1)
      if (key === 'type') {
        const type = this.#name()
        if (type !== 'custom') this.add(type.startsWith('web_') ? 'webTools' : type.startsWith('code_') ? 'codeTools' : 'otherServerTools', 1)
        return undefined
      }
      this.add('jsonMembers', 1)
      return this.#value('json', 1)
    })
    // What is loaded when it is found is not in the prompt.
    if (!isDeferred) return
    this.counts.set(counts)
    this.#texts.backTo(texts)
  }

  #value(reading: Reading, depth: number): void {
    const byte = this.#json.peek()
    if (byte === quote) return this.#string(reading)
    if (byte === openBrace || byte === openBracket) {
      if (depth > mostDepth) throw new UnreadableError()
      if (reading === 'json') this.add('jsonBrackets', 1)
      if (byte === openBracket)
        return this.#json.items(() => {
          if (reading === 'json') this.add('jsonItems', 1)
          this.#value(reading, depth + 1)
        })
      if (reading === 'content') return this.#block(depth)
      return this.#json.members((_, start, end) => {
        if (reading === 'json') {
          this.add('jsonMembers', 1)
          this.#text(start, end)
        }
        this.#value(reading, depth + 1)
      })
    }
    return this.#literal(reading)
  }

  /** A content block, or an object within one. */
  #block(depth: number): void {
    const named = this.#named
    this.#named = 0
    let type = ''
    this.#json.members((key) => {
      if (key === 'citations' && this.#json.peek() === openBrace) this.counts[featureAt.citations] = 1
      if (key !== 'type' || this.#json.peek() !== quote) return this.#value(readings.get(key) ?? 'content', depth + 1)
      type = this.#name()
      return undefined
    })
    if (sources.has(type)) {
      this.#named += type === 'url' || type === 'file' ? 1 : 0
      return
    }
    this.add(blockFeatures.get(type) ?? 'otherBlocks', 1)
    if (this.#named > 0) this.add(type === 'image' ? 'pictureReferences' : 'documentReferences', this.#named)
    this.#named = named
  }

  #string(reading: Reading): void {
    const start = this.#json.at + 1
    const end = this.#json.stringEnd()
    if (reading === 'skip') return
    if (reading === 'thinking') {
      this.add('thinkingBytes', end - start)
      this.#texts.fold(end - start)
      return
    }
    const size = reading === 'data' ? attachmentSize(this.#json.bytes, start, end) : undefined
    if (size === undefined) return this.#text(start, end)
    this.#attachmentBytes += end - start
    // Its length and its end stand for it.
    this.#texts.fold(end - start)
    for (let at = Math.max(start, end - 64); at < end; at += 1) this.#texts.fold(this.#json.bytes[at] as number)
    if (size.kind === 'picture') this.add('pictureTokens', size.tokens)
    else {
      this.add('pages', size.pages)
      this.add('documentKilobytes', (end - start) / 1_366)
    }
  }

  #text(start: number, end: number): void {
    this.#texts.add(this.#json.bytes, start, end)
    if (this.#hasTexts) this.#parts.push(readString(this.#json.bytes, start - 1, end + 1) ?? toText(this.#json.bytes.subarray(start, end)))
  }

  #literal(reading: Reading): void {
    const start = this.#json.at
    const end = this.#json.literalEnd()
    if (reading === 'json') this.#text(start, end)
  }

  /** A type or a role; empty where there is none. */
  #name(): string {
    if (this.#json.peek() === quote) return this.#json.shortString()
    this.#value('skip', 0)
    return ''
  }
}
