import { keptText } from '../wire/kept-text.ts'
import { SseFrame } from '../wire/sse-frames.ts'
import { extraLines, isObject, mergeUsage, toBuckets, toConditions, type JsonObject } from './usage-reducer.ts'
import { addTokens, noTokens, promptTokens, type TokenBuckets, type UsageLine, type UsageReport } from './usage.ts'

/** What a reply said of itself, as the meter read it. */
export interface MessageFacts {
  readonly messageId: string | undefined
  /** The model that the reply names, or the one a fallback block says served it. */
  readonly model: string | undefined
  readonly stopReason: string | undefined
  /** Type of an error that the upstream reported, in the body or in the stream. */
  readonly errorType: string | undefined
}

const quote = 0x22
/** Stands in a line for the model asked for, until the report knows it. */
const unnamedModel = ''
/** Bytes per token of streamed text, on the low side, so that a cut stream is rather counted dear. Recorded replies have 2.6 to 4.1. */
const bytesPerToken = 3
/** Lines that are kept one by one. Real replies have one or two. */
const mostLines = 256
/** Bytes of a request body per prompt token; JSON syntax and tool schemas included. */
const bytesPerPromptToken = 4

/**
 * Reads usage from the frames or the JSON of one Messages API reply. Parses only the frames that carry usage or identity;
 * a delta is sized by its bytes.
 */
export class MessageMeter {
  #usage: JsonObject | undefined
  #messageId: string | undefined
  #model: string | undefined
  #fallbackModel: string | undefined
  #stopReason: string | undefined
  #errorType: string | undefined
  #started = false
  #stopped = false
  #deltaSeen = false
  #streamedBytes = 0
  /** Messages before the current one: some servers answer one request with several, each with its own usage. */
  #earlier: UsageLine[] | undefined
  #earlierFlags: Set<string> | undefined

  /** True once `message_start` was seen. */
  get started(): boolean {
    return this.#started
  }

  /** True once `message_stop` was seen, or a whole JSON message: the only proof of completeness. */
  get stopped(): boolean {
    return this.#stopped
  }

  get facts(): MessageFacts {
    return { messageId: this.#messageId, model: this.#fallbackModel ?? this.#model, stopReason: this.#stopReason, errorType: this.#errorType }
  }

  /** Takes one frame of the stream, in order. Never throws. */
  frame(frame: SseFrame): void {
    switch (frame.event ?? namelessType(frame)) {
      case 'content_block_delta':
        this.#streamedBytes += payloadBytes(frame)
        return
      case 'message_start':
        this.#start(frame.json)
        return
      case 'content_block_start':
        this.#blockStart(frame.json)
        return
      case 'message_delta':
        this.#delta(frame.json)
        return
      case 'message_stop':
        this.#stopped = true
        return
      case 'error':
        this.#error(frame.json)
        return
      default:
    }
  }

  /** Takes a whole JSON reply, parsed: a message, or an error envelope. */
  message(value: unknown): void {
    if (!isObject(value)) return
    if (value['type'] === 'error') return this.#error(value)
    if (!isObject(value['usage'])) return
    this.#start({ message: value })
    this.#stopped = true
    this.#deltaSeen = true
    this.#stopReason = stringOf(value['stop_reason'])
    for (const block of Array.isArray(value['content']) ? value['content'] : []) this.#blockStart({ content_block: block })
  }

  /** Takes the size of a JSON reply that broke off before its usage, or that is no JSON: what came of it is counted as output. */
  broken(bytes: number): void {
    this.#streamedBytes += bytes
  }

  /**
   * What was used. A reply that began and did not end is partial: never zero, and never below what was reported.
   * A reply that was accepted and reported nothing is estimated from its bytes, and says so.
   *
   * @param requestedModel - priced where the reply named no model
   * @param requestBytes - what the estimate of an unreported prompt goes by
   */
  report(requestedModel: string, requestBytes: number): UsageReport {
    const { lines, flags } = this.#current(requestedModel, requestBytes)
    const all = (this.#earlier ?? []).map((line) => (line.model === unnamedModel ? { ...line, model: requestedModel } : line))
    for (const line of lines) addLine(all, line)
    const total = all.filter(({ role }) => role === 'message').reduce<TokenBuckets>(addTokens, noTokens)
    const source = flags.includes('nothing-reported') ? 'estimated' : this.#stopped ? 'final' : 'partial'
    return { source, total, lines: all, flags: [...(this.#earlierFlags ?? []), ...flags] }
  }

  #current(requestedModel: string, requestBytes: number): { readonly lines: readonly UsageLine[]; readonly flags: readonly string[] } {
    const usage = this.#usage ?? {}
    const model = this.facts.model ?? requestedModel
    const { buckets, flags } = toBuckets(usage)
    const seenOutput = Math.ceil(this.#streamedBytes / bytesPerToken)
    if (promptTokens(buckets) === 0 && buckets.outputTokens <= 1) {
      const estimate = { ...buckets, freshInputTokens: Math.ceil(requestBytes / bytesPerPromptToken), outputTokens: Math.max(seenOutput, buckets.outputTokens) }
      return { lines: [{ ...estimate, model, role: 'message' }], flags: ['nothing-reported'] }
    }
    // message_start's output count is a placeholder; until a delta reports, the text seen is the better figure.
    const isEstimated = !this.#deltaSeen && seenOutput > buckets.outputTokens
    const reply = isEstimated ? { ...buckets, outputTokens: seenOutput } : buckets
    return {
      lines: [{ ...reply, ...toConditions(usage), model, role: 'message' }, ...extraLines(usage, model, this.#fallbackModel !== undefined)],
      flags: isEstimated ? [...flags, 'output-estimated'] : flags,
    }
  }

  #start(value: unknown): void {
    const message = isObject(value) && isObject(value['message']) ? value['message'] : undefined
    if (message === undefined) return
    if (this.#started) {
      const { lines, flags } = this.#current(unnamedModel, 0)
      this.#earlier ??= []
      this.#earlierFlags ??= new Set()
      for (const line of lines) addLine(this.#earlier, line)
      for (const flag of flags) this.#earlierFlags.add(flag)
      this.#streamedBytes = 0
      this.#deltaSeen = false
      this.#fallbackModel = undefined
    }
    this.#started = true
    this.#stopped = false
    this.#messageId = stringOf(message['id'])
    this.#model = stringOf(message['model'])
    this.#usage = mergeUsage({}, isObject(message['usage']) ? message['usage'] : {})
  }

  #blockStart(value: unknown): void {
    const block = isObject(value) && isObject(value['content_block']) ? value['content_block'] : {}
    if (block['type'] === 'fallback' && isObject(block['to'])) this.#fallbackModel = stringOf(block['to']['model']) ?? this.#fallbackModel
  }

  #delta(value: unknown): void {
    if (!isObject(value)) return
    if (isObject(value['delta'])) this.#stopReason = stringOf(value['delta']['stop_reason']) ?? this.#stopReason
    if (!isObject(value['usage'])) return
    this.#started = true
    this.#deltaSeen = true
    this.#usage = mergeUsage(this.#usage ?? {}, value['usage'])
  }

  #error(value: unknown): void {
    const error = isObject(value) && isObject(value['error']) ? value['error'] : {}
    this.#errorType = stringOf(error['type']) ?? 'unknown'
  }
}

/** Adds a line; beyond the bound, to the last one of its model and role, or of its role: no reply may fill the memory, and no token is lost. */
function addLine(lines: UsageLine[], line: UsageLine): void {
  const isSameRole = ({ role }: UsageLine): boolean => role === line.role
  const same = lines.length < mostLines ? -1 : lines.findLastIndex((one) => one.model === line.model && isSameRole(one))
  const at = same === -1 && lines.length >= mostLines ? lines.findLastIndex(isSameRole) : same
  const kept = lines[at]
  if (kept === undefined) lines.push(line)
  else lines[at] = { ...kept, ...addTokens(kept, line) }
}

function stringOf(value: unknown): string | undefined {
  return typeof value === 'string' ? keptText(value) : undefined
}

/** Some proxies upstream drop the event line; the data still says what it is. */
function namelessType(frame: SseFrame): string | undefined {
  return frame.data !== undefined && isObject(frame.json) ? stringOf(frame.json['type']) : undefined
}

const comma = 0x2c
/** `{"type":"content_block_delta","index":` and, after the index, `,"delta":{"type":"`. */
const beforeIndex = 38
const beforeKind = 18
/** From the first letter of the delta's type to the first of its text: `text_delta","text":"`, `thinking_delta","thinking":"`, `input_json_delta","partial_json":"`. */
const textAfter: Readonly<Record<number, number>> = { 0x74: 20, 0x69: 34 }
const thinkingAfter = 28

/** Bytes of model output in a delta frame, by where its strings stand in the API's own form; a signature is none. */
function payloadBytes(frame: SseFrame): number {
  return SseFrame.measureData(frame, outputBytes) ?? frame.byteLength / 2
}

function outputBytes(bytes: Uint8Array, dataStart: number, dataEnd: number): number {
  let at = dataStart + beforeIndex + 1
  while (at < dataStart + beforeIndex + 5 && bytes[at] !== comma) at += 1
  const kind = at + beforeKind
  if (kind >= dataEnd || bytes[at] !== comma || bytes[kind - 1] !== quote) return (dataEnd - dataStart) / 2
  const letter = bytes[kind] as number
  if (letter === 0x73) return 0
  const start = kind + (letter === 0x74 && bytes[kind + 1] === 0x68 ? thinkingAfter : (textAfter[letter] ?? 0))
  let end = dataEnd - 1
  while (end > start && bytes[end] !== quote) end -= 1
  return Math.max(0, end - start)
}
