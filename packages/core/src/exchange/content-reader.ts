import { featureAt, promptFeatures, type PromptFeature } from '../meter/prompt-shape.ts'
import { toText } from '../wire/bytes.ts'
import { readString } from '../wire/json-scan.ts'
import { attachmentSize } from './attachment-size.ts'
import { JsonCursor, UnreadableError } from './json-cursor.ts'
import { RequestBody } from './request-body.ts'
import { TextClasses } from './text-classes.ts'

const quote = 0x22
const openBrace = 0x7b
const openBracket = 0x5b

/** Bodies nested deeper are no prompts; what is deeper is passed over. */
const mostDepth = 64

/** How a value is counted. */
export type Reading =
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
export const readings: ReadonlyMap<string, Reading> = new Map<string, Reading>([
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

/** Bytes of sections that lie in several chunks are joined here: a copy for each request would be garbage at once. */
let scratch = new Uint8Array(0)
/** Read without a pause: a millisecond or two. Larger sections have a copy of their own, since others may read theirs in the pauses. */
export const sliceBytes: number = 512 * 1024

/** Counts what the values of a prompt are made of: content blocks, and JSON that the model is shown. */
export class ContentReader {
  readonly counts: Float64Array = new Float64Array(promptFeatures.length)
  readonly texts: TextClasses = new TextClasses()
  readonly json: JsonCursor = new JsonCursor()
  /** What was counted as text since somebody last took it. Empty unless texts are asked for. */
  readonly parts: string[] = []
  readonly #hasTexts: boolean
  /** Sources of the block that is read whose bytes are elsewhere. */
  #named = 0
  #attachmentBytes = 0

  constructor(hasTexts: boolean) {
    this.#hasTexts = hasTexts
  }

  /** Bytes of pictures and documents. */
  get attachmentBytes(): number {
    return this.#attachmentBytes
  }

  add(feature: PromptFeature, count: number): void {
    const at = featureAt[feature]
    this.counts[at] = (this.counts[at] as number) + count
  }

  count(feature: PromptFeature): number {
    return this.counts[featureAt[feature]] as number
  }

  /** Goes to the value at a top-level key; false where there is none. */
  open(body: RequestBody, key: string): boolean {
    const member = body.member(key)
    if (member === undefined) return false
    const size = member.end - member.start
    const parts = RequestBody.glance(body, () => body.parts(member.start, member.end))
    if (size <= sliceBytes && scratch.length === 0) scratch = new Uint8Array(sliceBytes)
    this.json.bytes = size > sliceBytes ? new Uint8Array(size) : scratch
    let at = 0
    for (const part of parts) {
      this.json.bytes.set(part, at)
      at += part.length
    }
    this.json.at = 0
    this.json.end = size
    return true
  }

  /** Reads the value that begins here. */
  value(reading: Reading, depth: number): void {
    const byte = this.json.peek()
    if (byte === quote) return this.#string(reading)
    if (byte === openBrace || byte === openBracket) {
      if (depth > mostDepth) throw new UnreadableError()
      if (reading === 'json') this.add('jsonBrackets', 1)
      if (byte === openBracket)
        return this.json.items(() => {
          if (reading === 'json') this.add('jsonItems', 1)
          this.value(reading, depth + 1)
        })
      if (reading === 'content') return this.#block(depth)
      return this.json.members((_, start, end) => {
        if (reading === 'json') {
          this.add('jsonMembers', 1)
          this.#text(start, end)
        }
        this.value(reading, depth + 1)
      })
    }
    return this.#literal(reading)
  }

  /** A content block, or an object within one. */
  #block(depth: number): void {
    const named = this.#named
    this.#named = 0
    let type = ''
    this.json.members((key) => {
      if (key === 'citations' && this.json.peek() === openBrace) this.counts[featureAt.citations] = 1
      if (key !== 'type' || this.json.peek() !== quote) return this.value(readings.get(key) ?? 'content', depth + 1)
      type = this.name()
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
    const start = this.json.at + 1
    const end = this.json.stringEnd()
    if (reading === 'skip') return
    if (reading === 'thinking') {
      this.add('thinkingBytes', end - start)
      this.texts.fold(end - start)
      return
    }
    const size = reading === 'data' ? attachmentSize(this.json.bytes, start, end) : undefined
    if (size === undefined) return this.#text(start, end)
    this.#attachmentBytes += end - start
    // Its length and its end stand for it.
    this.texts.fold(end - start)
    for (let at = Math.max(start, end - 64); at < end; at += 1) this.texts.fold(this.json.bytes[at] as number)
    if (size.kind === 'picture') this.add('pictureTokens', size.tokens)
    else {
      this.add('pages', size.pages)
      this.add('documentKilobytes', (end - start) / 1_366)
    }
  }

  #text(start: number, end: number): void {
    this.texts.add(this.json.bytes, start, end)
    if (this.#hasTexts) this.parts.push(readString(this.json.bytes, start - 1, end + 1) ?? toText(this.json.bytes.subarray(start, end)))
  }

  #literal(reading: Reading): void {
    const start = this.json.at
    const end = this.json.literalEnd()
    if (reading === 'json') this.#text(start, end)
  }

  /** A type or a role; empty where there is none. */
  name(): string {
    if (this.json.peek() === quote) return this.json.shortString()
    this.value('skip', 0)
    return ''
  }
}
