import { isObject, objectsOf, type JsonObject } from './json.ts'

/** The parts of a Messages request that scenarios look at, read leniently. */
export interface MessagesRequest {
  readonly body: JsonObject
  readonly model: string
  /** True only for `stream: true`, as in the API. */
  readonly streams: boolean
  readonly messages: readonly JsonObject[]
  readonly toolNames: readonly string[]
  readonly tools: readonly JsonObject[]
  /** Where the last prompt typed by a person (or handed to a sub-agent) stands in `messages`; -1 when there is none. */
  readonly promptIndex: number
  /** The text of that prompt. */
  readonly promptText: string
  /** How many prompts the conversation holds up to and including it. */
  readonly promptCount: number
}

/** Reads a request body; a body that is not an object reads as an empty request. */
export function readRequest(json: unknown): MessagesRequest {
  const body = isObject(json) ? json : {}
  const messages = objectsOf(body['messages'])
  const tools = objectsOf(body['tools'])
  const prompts = messages.flatMap((message, index) => {
    const text = promptOf(message)
    return text === undefined ? [] : [{ index, text }]
  })
  const prompt = prompts.at(-1)
  return {
    body,
    model: typeof body['model'] === 'string' ? body['model'] : 'claude-opus-5-5',
    streams: body['stream'] === true,
    messages,
    tools,
    toolNames: tools.flatMap((tool) => (typeof tool['name'] === 'string' ? [tool['name']] : [])),
    promptIndex: prompt?.index ?? -1,
    promptText: prompt?.text ?? '',
    promptCount: prompts.length,
  }
}

/** The blocks of a message or a system prompt, a plain string counting as one text block. */
export function blocksOf(content: unknown): JsonObject[] {
  return typeof content === 'string' ? [{ type: 'text', text: content }] : objectsOf(content)
}

/** The text of a content value, blocks joined by line breaks. */
export function textOf(content: unknown): string {
  return blocksOf(content)
    .flatMap((block) => (typeof block['text'] === 'string' ? [block['text']] : []))
    .join('\n')
}

/** Everything a request says in its system prompt and its `role: "system"` messages. */
export function systemText(request: MessagesRequest): string {
  const turns = request.messages.filter((message) => message['role'] === 'system').map((message) => textOf(message['content']))
  return [textOf(request.body['system']), ...turns].join('\n')
}

/** The tool calls of the assistant since the last prompt, in order. */
export function toolCallsSincePrompt(request: MessagesRequest): JsonObject[] {
  return request.messages
    .slice(request.promptIndex + 1)
    .filter((message) => message['role'] === 'assistant')
    .flatMap((message) => blocksOf(message['content']).filter((block) => block['type'] === 'tool_use'))
}

/** A request to the sub-agent or main loop of an agent, as opposed to a side call such as a title. */
export function offersTools(request: MessagesRequest): boolean {
  return request.tools.some((tool) => tool['input_schema'] !== undefined)
}

/** Texts that Claude Code adds on its own: reminders, notices of finished agents, the plea to go on after a cut. */
const CLIENT_TEXT = /^(<(system-reminder|task-notification)>|Your response above was cut off mid-stream)/

/** The text of a message if a person wrote it: a user message without tool results and without what the client adds. */
function promptOf(message: JsonObject): string | undefined {
  if (message['role'] !== 'user') return undefined
  const blocks = blocksOf(message['content'])
  if (blocks.some((block) => block['type'] === 'tool_result')) return undefined
  const texts = blocks.map((block) => (typeof block['text'] === 'string' ? block['text'].trim() : '')).filter((text) => text !== '' && !CLIENT_TEXT.test(text))
  return texts.length === 0 ? undefined : texts.join('\n')
}
