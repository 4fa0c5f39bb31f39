import { breakpointOf } from '../prompt/canonical.ts'
import { isObject, objectsOf } from '../prompt/json.ts'
import { blocksOf } from '../prompt/request.ts'
import { parseDirective, parseSelection, SCENARIO_HEADER, ScenarioOptions, type ScenarioSelection } from '../prompt/selection.ts'
import { sideReply } from '../scenarios/assistant.ts'
import { SCENARIOS, scenarioNamed } from '../scenarios/registry.ts'
import { Stage, type StageMemory } from '../scenarios/stage.ts'
import type { LiveCall } from '../server/call.ts'
import { sessionOf } from '../prompt/session.ts'
import { errorReply } from '../wire/error-reply.ts'
import type { ScriptedReply } from '../wire/reply.ts'

/** What answering `/v1/messages` needs beyond the call. */
export interface MessagesMemory extends StageMemory {
  readonly defaultScenario: ScenarioSelection
  /** How often a scenario with `times` has been used, by session. */
  readonly uses: Map<string, number>
}

/**
 * Answers `POST /v1/messages`: the header chooses, else the prompt's directive, else the default. A choice that is used
 * up (`times`) or not drawn (`chance`) passes to the next.
 */
export async function answerMessages(call: LiveCall, memory: MessagesMemory): Promise<ScriptedReply> {
  const header = call.header(SCENARIO_HEADER)
  const chosen = header === undefined ? undefined : parseSelection(header)
  if (header !== undefined && chosen === undefined) return unknownScenario(header)
  if (chosen?.options.flag('simulateCache', true) === false && !chosen.options.has('times')) return await perform(call, chosen, memory)
  const wrong = refusal(call)
  if (wrong !== undefined) return wrong
  if (chosen !== undefined && applies(call, chosen, memory)) return await perform(call, chosen, memory)
  const stage = new Stage(call, new ScenarioOptions(), memory)
  const side = sideReply(stage.request)
  if (side !== undefined) {
    call.scenario = 'assistant'
    return stage.respond(side)
  }
  const directive = parseDirective(stage.request.promptText)
  if (directive !== undefined && applies(call, directive, memory)) return await perform(call, directive, memory)
  return await perform(call, memory.defaultScenario, memory)
}

async function perform(call: LiveCall, selection: ScenarioSelection, memory: MessagesMemory): Promise<ScriptedReply> {
  const scenario = scenarioNamed(selection.name)
  if (scenario === undefined) return unknownScenario(selection.name)
  call.scenario = scenario.name
  return await scenario.reply(new Stage(call, selection.options, memory))
}

function applies(call: LiveCall, selection: ScenarioSelection, memory: MessagesMemory): boolean {
  const { name, options } = selection
  if (options.has('chance') && memory.random() >= options.number('chance', 1)) return false
  const limit = options.has('times') ? options.whole('times', 1) : name === 'error-then-ok' ? 1 : undefined
  if (limit === undefined) return true
  const key = `${sessionOf(call)}\n${name}`
  const used = memory.uses.get(key) ?? 0
  memory.uses.set(key, used + 1)
  return used < limit
}

function unknownScenario(name: string): ScriptedReply {
  return errorReply(400, 'invalid_request_error', `rehearsal: no scenario "${name}"; there are ${SCENARIOS.map((scenario) => scenario.name).join(', ')}`)
}

/** The checks that the API makes first, in its wording. */
function refusal(call: LiveCall): ScriptedReply | undefined {
  const invalid = (message: string): ScriptedReply => errorReply(400, 'invalid_request_error', message)
  if (call.header('anthropic-version') === undefined) return invalid('anthropic-version: header is required')
  const body = call.json
  if (!isObject(body)) return invalid('The request body is not valid JSON: expected an object')
  for (const field of ['model', 'messages', 'max_tokens']) {
    if (body[field] === undefined) return invalid(`${field}: Field required`)
  }
  if (!Array.isArray(body['messages']) || body['messages'].length === 0) return invalid('messages: at least one message is required')
  const marked = [
    ...objectsOf(body['tools']),
    ...blocksOf(body['system']),
    ...objectsOf(body['messages']).flatMap((message) => blocksOf(message['content'])),
  ].filter((block) => breakpointOf(block) !== undefined).length
  return marked > 4 ? invalid(`A maximum of 4 blocks with cache_control may be provided. Found ${marked}.`) : undefined
}
