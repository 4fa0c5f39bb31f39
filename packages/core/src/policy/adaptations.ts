import type { Patch, Splice } from '../exchange/patch.ts'
import type { RequestBody } from '../exchange/request-body.ts'
import { parseJson } from '../wire/json-scan.ts'
import { emptyBytes, toBytes } from '../wire/bytes.ts'
import { betasOf, type ModelCapabilities } from './capabilities.ts'
import { membersAsSpans, type Span } from './json-spans.ts'
import { samplingKeys, type RequestShape } from './request-shape.ts'

/** A declared change that makes a request fit a model. */
export interface Adaptation {
  /** Named in the record, and in the notes of the patch. */
  readonly name: string
  /** Splices only: whatever the name does not tell of stays the client's own bytes. */
  readonly patch: Patch
  /** `anthropic-beta` tokens that go with it. */
  readonly betas: readonly string[]
}

/** How a request fits a model. */
export interface Fit {
  /** What would have to be changed, and can be. */
  readonly adaptations: readonly Adaptation[]
  /** What stands in the way and cannot be changed. */
  readonly obstacles: readonly string[]
}

const mostThinkingTokens = 31_999
const leastThinkingTokens = 1_024

/** How a request fits a model. `promptTokens` are counted as the model does. */
export function fitOf(shape: RequestShape, model: ModelCapabilities, promptTokens: number): Fit {
  const { maxTokens = 0, thinking, messages } = shape
  const adaptations: Adaptation[] = []
  const obstacles: string[] = []
  if (messages === undefined) obstacles.push('its messages cannot be read')
  const outputTokens = Math.min(maxTokens, model.maxTokens)
  if (model.contextTokens !== undefined && promptTokens + outputTokens > model.contextTokens)
    obstacles.push(`about ${promptTokens} tokens and ${outputTokens} of output are more than its window of ${model.contextTokens}`)
  if (shape.hasDeferredTools && !model.deferredTools) obstacles.push('tools that are loaded later')
  if (maxTokens > model.maxTokens) adaptations.push(clampMaxTokens(model.maxTokens))
  if (thinking !== undefined && thinking !== 'disabled' && !(model.thinking as readonly string[]).includes(thinking)) {
    if (thinking !== 'adaptive' && thinking !== 'enabled') obstacles.push(`thinking of the type "${thinking.slice(0, 40)}"`)
    else adaptations.push(turnThinking(model, outputTokens))
  }
  if (shape.hasSampling && !model.sampling) adaptations.push(dropSampling)
  if (shape.hasEffort && !model.effort) adaptations.push(dropEffort)
  if (messages !== undefined && messages.turnOutputConfigs.length > 0 && !model.turnEffort) adaptations.push(dropTurnEffort(messages.turnOutputConfigs))
  if (messages !== undefined && messages.systemRoles.length > 0 && !model.systemMessages) {
    if (messages.hasSystemAfterAssistant) obstacles.push('a message of the system right after one of the assistant')
    else adaptations.push(foldSystemMessages(messages.systemRoles))
  }
  return { adaptations, obstacles }
}

function clampMaxTokens(most: number): Adaptation {
  const name = `clamp max_tokens to ${most}`
  const replacement = toBytes(String(most))
  const isOver = (body: RequestBody, { start, end }: Span): boolean => Number(parseJson(body.range(start, end))) > most
  return {
    name,
    betas: [],
    patch: {
      name,
      splices: (body) =>
        body
          .members('max_tokens')
          .filter((member) => isOver(body, member))
          .map(({ start, end }) => ({ start, end, replacement })),
    },
  }
}

/** Into the form that the model takes; off, where it takes none or there is no room for it. */
function turnThinking({ thinking }: ModelCapabilities, outputTokens: number): Adaptation {
  const budgetTokens = Math.min(mostThinkingTokens, outputTokens - 1)
  const isBudgeted = thinking.includes('enabled') && budgetTokens >= leastThinkingTokens
  const value = thinking.includes('adaptive')
    ? '{"type":"adaptive"}'
    : isBudgeted
      ? `{"type":"enabled","budget_tokens":${budgetTokens}}`
      : '{"type":"disabled"}'
  const name = `thinking as ${value}`
  const replacement = toBytes(value)
  return { name, betas: [], patch: { name, splices: (body) => body.members('thinking').map(({ start, end }) => ({ start, end, replacement })) } }
}

const dropEffort: Adaptation = {
  name: 'drop output_config.effort',
  betas: betasOf.effort,
  patch: {
    name: 'drop output_config.effort',
    splices: (body) =>
      body.members('output_config').flatMap(({ start, end }) =>
        removal(
          membersAsSpans(body.range(start, end), 0, (key) => key === 'effort'),
          start,
        ),
      ),
  },
}

const openBrace = 0x7b

const dropSampling: Adaptation = {
  name: 'drop temperature, top_p and top_k',
  betas: [],
  patch: {
    name: 'drop temperature, top_p and top_k',
    splices: (body) => {
      const bytes = body.range(0, body.length)
      return removal(
        membersAsSpans(bytes, bytes.indexOf(openBrace), (key) => samplingKeys.includes(key)),
        0,
      )
    },
  },
}

function dropTurnEffort(spans: readonly Span[]): Adaptation {
  const name = 'drop output_config of messages'
  return { name, betas: betasOf.turnEffort, patch: { name, splices: (body) => removal(spans, body.member('messages')?.start ?? 0) } }
}

/** As the user's: the API joins messages of the user that follow each other. */
function foldSystemMessages(spans: readonly Span[]): Adaptation {
  const name = "fold messages of the system into the user's"
  const replacement = toBytes('"user"')
  return {
    name,
    betas: [],
    patch: {
      name,
      splices: (body) => {
        const offset = body.member('messages')?.start ?? 0
        return spans.map(({ start, end }) => ({ start: start + offset, end: end + offset, replacement }))
      },
    },
  }
}

function removal(spans: readonly Span[], offset: number): readonly Splice[] {
  return spans.map(({ start, end }) => ({ start: start + offset, end: end + offset, replacement: emptyBytes }))
}
