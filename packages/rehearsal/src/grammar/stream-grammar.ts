import { isObject, type JsonObject } from '../prompt/json.ts'
import { readEvents } from './events.ts'

/** What a validated stream turned out to be. */
export interface StreamReport {
  /** Whether no rule was broken; a stream cut short may still be valid as far as it goes. */
  readonly valid: boolean
  /** Whether it ended as the API ends one: `message_stop` and nothing after it. */
  readonly complete: boolean
  /** The type in its `error` event, if it had one. */
  readonly errorType: string | undefined
  readonly problems: readonly string[]
  readonly eventNames: readonly string[]
  /** The message as a client rebuilds it: blocks with their deltas applied, last usage, stop reason. */
  readonly message: RebuiltMessage
}

/** The message that the events of a stream add up to. */
export interface RebuiltMessage {
  readonly id: string | undefined
  readonly model: string | undefined
  readonly blocks: readonly JsonObject[]
  readonly text: string
  readonly usage: JsonObject
  readonly stopReason: string | undefined
}

const DELTAS: Readonly<Record<string, readonly string[]>> = {
  text: ['text_delta', 'citations_delta'],
  thinking: ['thinking_delta', 'signature_delta'],
  tool_use: ['input_json_delta'],
  server_tool_use: ['input_json_delta'],
  mcp_tool_use: ['input_json_delta'],
}

/**
 * Checks a streamed reply against the grammar of the Messages API ("Event flow"): one `message_start`, blocks in order
 * and never interleaved, deltas of the kind their block takes, tool input that is whole JSON, `message_delta` after the
 * last block, `message_stop` last; pings and unknown events anywhere, `error` ends the stream.
 */
export function validateMessageStream(bytes: Uint8Array): StreamReport {
  const machine = new Grammar()
  try {
    const { events, unfinished } = readEvents(bytes)
    for (const { event, data } of events) machine.take(event, data)
    if (unfinished !== '') machine.problem(`the stream ends inside an event: ${unfinished.slice(0, 60)}`)
  } catch (cause) {
    machine.problem(`not UTF-8: ${String(cause)}`)
  }
  return machine.report()
}

/** As {@link validateMessageStream}, but throws unless the stream is valid and complete. */
export function assertStreamGrammar(bytes: Uint8Array): StreamReport {
  const report = validateMessageStream(bytes)
  if (report.valid && report.complete) return report
  const why = report.problems.length > 0 ? report.problems.join('; ') : `it ends after ${report.eventNames.at(-1) ?? 'nothing'}`
  throw new Error(`not a whole Messages API stream: ${why}`)
}

class Grammar {
  readonly #problems: string[] = []
  readonly #names: string[] = []
  readonly #blocks: JsonObject[] = []
  #head: JsonObject | undefined
  #usage: JsonObject = {}
  #open: { block: Record<string, unknown>; json: string } | undefined
  #stopReason: string | undefined
  #closing = false
  #stopped = false
  #errorType: string | undefined

  problem(text: string): void {
    this.#problems.push(text)
  }

  take(name: string, data: string): void {
    this.#names.push(name)
    const event = parse(data)
    if (event === undefined) return this.problem(`event ${name} is not a JSON object`)
    if (event['type'] !== name) this.problem(`event: ${name} carries type ${String(event['type'])}`)
    if (this.#stopped || this.#errorType !== undefined) this.problem(`${name} after the end`)
    const known = /^(content_block_|message_)/.test(name) && name !== 'message_start'
    if (known && this.#head === undefined) this.problem(`${name} before message_start`)
    switch (name) {
      case 'message_start':
        return this.#start(event)
      case 'content_block_start':
        return this.#openBlock(event)
      case 'content_block_delta':
        return this.#delta(event)
      case 'content_block_stop':
        return this.#closeBlock(event)
      case 'message_delta':
        return this.#messageDelta(event)
      case 'message_stop':
        return this.#stop()
      case 'error':
        this.#errorType = isObject(event['error']) ? String(event['error']['type']) : 'unknown'
    }
  }

  report(): StreamReport {
    const head = this.#head ?? {}
    const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)
    return {
      valid: this.#problems.length === 0,
      complete: this.#stopped && this.#names.at(-1) === 'message_stop',
      errorType: this.#errorType,
      problems: this.#problems,
      eventNames: this.#names,
      message: {
        id: text(head['id']),
        model: text(head['model']),
        blocks: this.#blocks,
        text: this.#blocks.map((block) => text(block['text']) ?? '').join(''),
        usage: this.#usage,
        stopReason: this.#stopReason,
      },
    }
  }

  #start(event: JsonObject): void {
    if (this.#head !== undefined) this.problem('a second message_start')
    const message = isObject(event['message']) ? event['message'] : {}
    if (typeof message['id'] !== 'string' || message['role'] !== 'assistant') this.problem('message_start without id or role')
    this.#head = message
    if (isObject(message['usage'])) this.#usage = message['usage']
  }

  #openBlock(event: JsonObject): void {
    if (this.#open !== undefined) this.problem('a block opens inside another')
    if (this.#closing) this.problem('a block opens after message_delta')
    if (event['index'] !== this.#blocks.length) this.problem(`block ${String(event['index'])} opens where ${this.#blocks.length} was due`)
    const block = isObject(event['content_block']) ? { ...event['content_block'] } : {}
    this.#open = { block, json: '' }
    this.#blocks.push(block)
  }

  #delta(event: JsonObject): void {
    const delta = isObject(event['delta']) ? event['delta'] : {}
    if (this.#open === undefined) return this.problem('a delta outside a block')
    if (event['index'] !== this.#blocks.length - 1) this.problem(`a delta for block ${String(event['index'])} inside block ${this.#blocks.length - 1}`)
    const { block } = this.#open
    const allowed = DELTAS[String(block['type'])]
    if (allowed !== undefined && !allowed.includes(String(delta['type']))) this.problem(`${String(delta['type'])} in a ${String(block['type'])} block`)
    switch (delta['type']) {
      case 'text_delta':
        block['text'] = textOf(block['text']) + textOf(delta['text'])
        break
      case 'thinking_delta':
        block['thinking'] = textOf(block['thinking']) + textOf(delta['thinking'])
        break
      case 'signature_delta':
        block['signature'] = delta['signature']
        break
      case 'input_json_delta':
        this.#open.json += textOf(delta['partial_json'])
        break
      case 'citations_delta':
        block['citations'] = [...(Array.isArray(block['citations']) ? block['citations'] : []), delta['citation']]
    }
  }

  #closeBlock(event: JsonObject): void {
    if (this.#open === undefined) return this.problem('content_block_stop without an open block')
    if (event['index'] !== this.#blocks.length - 1) this.problem(`content_block_stop for block ${String(event['index'])}`)
    const { block, json } = this.#open
    if (json !== '') {
      const input = parse(json)
      if (input === undefined) this.problem(`the input of ${String(block['name'])} is not whole JSON`)
      else block['input'] = input
    }
    this.#open = undefined
  }

  #messageDelta(event: JsonObject): void {
    if (this.#open !== undefined) this.problem('message_delta inside a block')
    this.#closing = true
    if (isObject(event['delta']) && typeof event['delta']['stop_reason'] === 'string') this.#stopReason = event['delta']['stop_reason']
    if (isObject(event['usage'])) {
      this.#usage = {
        ...this.#usage,
        ...Object.fromEntries(Object.entries(event['usage']).filter(([, value]) => value !== null)),
      }
    }
  }

  #stop(): void {
    if (!this.#closing) this.problem('message_stop without message_delta')
    this.#stopped = true
  }
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

function parse(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}
