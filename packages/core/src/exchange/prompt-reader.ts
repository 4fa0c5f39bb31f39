import { promptFeatures, type PromptShape } from '../meter/prompt-shape.ts'
import { ContentReader, readings, sliceBytes } from './content-reader.ts'
import { UnreadableError, type JsonCursor } from './json-cursor.ts'
import type { RequestBody } from './request-body.ts'
import type { TextClasses } from './text-classes.ts'

const openBracket = 0x5b
const closeBracket = 0x5d
const comma = 0x2c
const letterT = 0x74

/** Ends of messages that are kept, from the last: the next turn adds two or three. */
const mostPrefixes = 24

/** An object with a schema is no shorter. */
const leastSchemaBytes = 64
const shortBytes = 1_024
/** What changes how the API writes the head, besides its text. */
const headFeatures = ['toolSets', 'forcedChoices', 'answerSchemas', 'budgetedThinking', 'adaptiveThinking'] as const

const noCounts = new Float64Array(promptFeatures.length)

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
  readonly #content: ContentReader
  readonly #json: JsonCursor
  readonly #texts: TextClasses
  readonly #prefixes: string[] = []
  readonly #hasTexts: boolean
  readonly #allTexts: string[] = []
  #head: string | undefined
  #headCounts: Float64Array = noCounts

  constructor(hasTexts: boolean) {
    this.#hasTexts = hasTexts
    this.#content = new ContentReader(hasTexts)
    this.#json = this.#content.json
    this.#texts = this.#content.texts
  }

  /** Reads what stands before the messages in the prompt. */
  readHead(body: RequestBody): void {
    if (this.#content.open(body, 'tools')) {
      if (this.#json.peek() === openBracket) this.#json.items(() => this.#tool())
      else this.#content.value('skip', 0)
    }
    if (this.#content.open(body, 'system')) {
      this.#content.add('systemPrompts', 1)
      this.#content.value('content', 0)
    }
    const choice = textAt(body.value('tool_choice', shortBytes), 'type')
    if (this.#content.count('tools') > 0 && choice !== 'none') this.#content.add('toolSets', 1)
    if (choice === 'any' || choice === 'tool') this.#content.add('forcedChoices', 1)
    const thinking = textAt(body.value('thinking', shortBytes), 'type')
    if (thinking === 'enabled') this.#content.add('budgetedThinking', 1)
    if (thinking === 'adaptive') this.#content.add('adaptiveThinking', 1)
    const servers = body.value('mcp_servers', 64 * 1024)
    if (Array.isArray(servers)) this.#content.add('toolServers', servers.length)
    this.#readFormat(body)
    this.#closeHead()
  }

  /** Reads the messages, one a step; tells how far it is. */
  *messages(body: RequestBody): Generator<number, void, void> {
    if (!this.#content.open(body, 'messages')) return
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
    if (member === undefined || member.end - member.start < leastSchemaBytes || !this.#content.open(body, key)) return
    this.#content.add('answerSchemas', 1)
    this.#content.value('json', 0)
  }

  #closeHead(): void {
    if (this.#texts.bytes > 0) {
      for (const feature of headFeatures) this.#texts.fold(this.#content.count(feature))
      this.#head = this.#texts.fingerprint
    }
    this.#headCounts = this.#content.counts.slice()
    this.#texts.into(this.#headCounts)
    this.#closeText()
  }

  end(): ReadPrompt {
    this.#content.add('requests', 1)
    this.#texts.into(this.#content.counts)
    return {
      shape: {
        counts: this.#content.counts,
        attachmentBytes: this.#content.attachmentBytes,
        head: this.#head,
        headCounts: this.#headCounts,
        prefixes: this.#prefixes,
      },
      texts: this.#allTexts,
    }
  }

  #closeText(): void {
    if (this.#hasTexts) this.#allTexts.push(this.#content.parts.join(' '))
    this.#content.parts.length = 0
  }

  #message(): void {
    this.#content.add('messages', 1)
    this.#texts.fold(1)
    this.#json.members((key) => {
      if (key !== 'role') return this.#content.value(readings.get(key) ?? 'content', 1)
      const role = this.#content.name()
      if (role === 'assistant') this.#content.add('assistantMessages', 1)
      this.#texts.fold(role.length)
      return undefined
    })
    this.#closeText()
    this.#prefixes.push(this.#texts.fingerprint)
    if (this.#prefixes.length > mostPrefixes) this.#prefixes.shift()
  }

  #tool(): void {
    const counts = this.#content.counts.slice()
    const texts = this.#texts.mark()
    let isDeferred = false
    this.#content.add('tools', 1)
    this.#json.members((key) => {
      if (key === 'defer_loading') isDeferred = this.#json.peek() === letterT
      if (key === 'cache_control' || key === 'defer_loading') return this.#content.value('skip', 1)
      if (key === 'type') {
        const type = this.#content.name()
        if (type !== 'custom') this.#content.add(type.startsWith('web_') ? 'webTools' : type.startsWith('code_') ? 'codeTools' : 'otherServerTools', 1)
        return undefined
      }
      this.#content.add('jsonMembers', 1)
      return this.#content.value('json', 1)
    })
    // What is loaded when it is found is not in the prompt.
    if (!isDeferred) return
    this.#content.counts.set(counts)
    this.#texts.backTo(texts)
  }
}
