import type { Clock } from '../host.ts'
import { remember } from '../meter/recent.ts'
import { headerValues, type HeaderList } from '../wire/header-list.ts'
import { toBytes } from '../wire/bytes.ts'
import type { RequestBody } from './request-body.ts'

/** A prompt whose tokens are asked for. */
export interface CountRequest {
  readonly model: string
  /** What `POST /v1/messages/count_tokens` takes: the request's own bytes, without the members that it does not know. */
  readonly body: Uint8Array
  /** `anthropic-version` and `anthropic-beta`, as the client sent them. No credential. */
  readonly headers: HeaderList
  /** Aborted with the exchange, and when the answer comes too late. */
  readonly signal: AbortSignal
}

/** How exact counts are asked for. */
export interface ExactCountOptions {
  /** Asks an upstream. Resolves with the prompt's tokens; undefined, or a rejection, where it does not say: then the estimate stands. */
  readonly count: (asked: CountRequest) => Promise<number | undefined>
  /** Whether a request is worth asking for, by its model and its estimated tokens. @defaultValue all are */
  readonly isWanted?: (asked: { readonly model: string; readonly estimatedTokens: number }) => boolean
  /** Each request waits so long at most. @defaultValue 2000 */
  readonly answerMillis?: number
  /** Asked at the same time; beyond it the estimate stands. @defaultValue 16 */
  readonly mostUnderWay?: number
}

export const defaultExactCountOptions: { readonly answerMillis: number; readonly mostUnderWay: number } = Object.freeze({
  answerMillis: 2_000,
  mostUnderWay: 16,
})

const mostAnswers = 1_000
/** https://docs.claude.com/en/api/messages-count-tokens: what else a request has is refused there. */
const members = [
  'model',
  'system',
  'tools',
  'tool_choice',
  'thinking',
  'messages',
  'mcp_servers',
  'output_config',
  'output_format',
  'context_management',
] as const

/** Asks for exact counts: bounded in time and number, one answer for the same bytes. */
export class ExactCounts {
  readonly #options: ExactCountOptions & typeof defaultExactCountOptions
  readonly #clock: Clock
  readonly #onFailure: (cause: unknown) => void
  readonly #answers = new Map<string, number>()
  #underWay = 0

  /** @param onFailure - told of each question that failed; not of those that were given up */
  constructor(options: ExactCountOptions, clock: Clock, onFailure: (cause: unknown) => void) {
    this.#options = { ...defaultExactCountOptions, ...options }
    this.#clock = clock
    this.#onFailure = onFailure
  }

  /** Tokens of the request's prompt, as the upstream counts them; undefined where it was not asked, or did not say in time. `tenant` is whose answers may be used again. */
  async count(body: RequestBody, tenant: string, estimatedTokens: number, headers: HeaderList, signal: AbortSignal): Promise<number | undefined> {
    const model = body.string('model')
    const { isWanted, mostUnderWay } = this.#options
    if (model === undefined || signal.aborted || isWanted?.({ model, estimatedTokens }) === false) return undefined
    const key = body.digest === undefined ? undefined : JSON.stringify([tenant, body.digest, body.length, model])
    const known = key === undefined ? undefined : this.#answers.get(key)
    if (known !== undefined) return known
    if (this.#underWay >= mostUnderWay) return undefined
    this.#underWay += 1
    try {
      const tokens = await this.#ask({ model, body: countTokensBody(body), headers: asked(headers) }, signal)
      if (tokens === undefined || !Number.isSafeInteger(tokens) || tokens < 0) return undefined
      if (key !== undefined) remember(this.#answers, key, tokens, mostAnswers)
      return tokens
    } finally {
      this.#underWay -= 1
    }
  }

  async #ask(request: Omit<CountRequest, 'signal'>, outer: AbortSignal): Promise<number | undefined> {
    const controller = new AbortController()
    const given = Promise.withResolvers<undefined>()
    const giveUp = (): void => {
      controller.abort(new Error('the count is not waited for any longer'))
      given.resolve(undefined)
    }
    const cancel = this.#clock.after(this.#options.answerMillis, giveUp)
    outer.addEventListener('abort', giveUp, { once: true })
    try {
      const answer = Promise.resolve()
        .then(() => this.#options.count({ ...request, signal: controller.signal }))
        .catch((cause: unknown) => {
          if (!controller.signal.aborted) this.#onFailure(cause)
          return undefined
        })
      return await Promise.race([answer, given.promise])
    } finally {
      cancel()
      outer.removeEventListener('abort', giveUp)
    }
  }
}

function asked(headers: HeaderList): HeaderList {
  return ['anthropic-version', 'anthropic-beta'].flatMap((name) => headerValues(headers, name).map((value): [string, string] => [name, value]))
}

/** The members that a count takes, byte for byte. */
function countTokensBody(body: RequestBody): Uint8Array {
  const parts: Uint8Array[] = []
  let separator = '{'
  for (const key of members) {
    const value = body.slice(key)
    if (value === undefined) continue
    parts.push(toBytes(`${separator}"${key}":`), value.slice())
    separator = ','
  }
  parts.push(toBytes(separator === '{' ? '{}' : '}'))
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
