import { breathe, type Host } from '../host.ts'
import { UsageEstimator, type EstimateFacts } from '../meter/estimate.ts'
import { featureAt, textFeatures, type PromptShape } from '../meter/prompt-shape.ts'
import { promptTokens } from '../meter/usage.ts'
import type { Tokenizer } from '../ports/tokenizer.ts'
import { estimateFacts, unseenTokens } from './estimate-facts.ts'
import type { EstimateQuestion, Estimates, EstimateSource, UsageEstimate } from './estimates.ts'
import { ExactCounts, type ExactCountOptions } from './exact-counts.ts'
import { readPrompt, type ReadPrompt } from './prompt-reader.ts'

/** Options of {@link promptEstimates}. */
export interface PromptEstimateOptions {
  /** Counts the text of prompts, in place of the classes of its letters. Costs more time; most gateways need none. @defaultValue none */
  readonly tokenizer?: Tokenizer
  /** Asks an upstream where an estimate is not good enough. Delays each request that it is asked about. @defaultValue never asked */
  readonly exact?: ExactCountOptions
  /** Conversations, and prompts, whose last turn is remembered, in some 600 bytes each. @defaultValue 10000 */
  readonly maxConversations?: number
}

export const defaultPromptEstimateOptions: { readonly maxConversations: number } = Object.freeze({ maxConversations: 10_000 })

/**
 * Estimates by reading prompts, calibrated by what upstreams report: what `budget()` and `policyRouter()` bring along. Name it in `createGateway({ estimates })` for a tokenizer
 * or exact counts, or where a middleware of your own needs good estimates without them.
 */
export function promptEstimates(options: PromptEstimateOptions = {}): EstimateSource {
  return (host) => new PromptEstimates(host, options)
}

class PromptEstimates implements Estimates {
  readonly #estimator: UsageEstimator
  readonly #host: Host
  readonly #tokenizer: Tokenizer | undefined
  readonly #counts: ExactCounts | undefined

  constructor(host: Host, { tokenizer, exact, maxConversations = defaultPromptEstimateOptions.maxConversations }: PromptEstimateOptions) {
    this.#estimator = new UsageEstimator(maxConversations)
    this.#host = host
    this.#tokenizer = tokenizer
    const onFailure = (cause: unknown): void =>
      host.onFault({ code: 'estimate-failed', message: 'an upstream did not count a prompt; the estimate stood', source: 'exact', cause })
    this.#counts = exact === undefined ? undefined : new ExactCounts(exact, host.clock, onFailure)
  }

  async of(question: EstimateQuestion): Promise<UsageEstimate> {
    return estimateOf(this.#estimator, await this.#facts(question))
  }

  /** Reads a request. Lets other work run where it is large. */
  async #facts({ exchangeId, body, context, headers, at, signal }: EstimateQuestion): Promise<EstimateFacts> {
    const facts = estimateFacts(body, context, at)
    const isRead = this.#tokenizer !== undefined || this.#estimator.isPromptWanted(facts)
    const read = isRead ? await readPrompt(body, this.#tokenizer !== undefined, breathe) : undefined
    const prompt = read === undefined ? undefined : await this.#counted(facts, read, exchangeId)
    const estimated: EstimateFacts = { ...facts, ...(prompt !== undefined && { prompt }) }
    if (this.#counts === undefined) return estimated
    const tokens = promptTokens(this.#estimator.likely(estimated).total)
    const exactTokens = await this.#counts.count(body, facts.tenant ?? '', tokens, headers, signal)
    return exactTokens === undefined ? estimated : { ...estimated, exactTokens }
  }

  /** The shape with the tokenizer's count of its text; only of what is new, where the prompt begins with a known one. */
  async #counted(facts: EstimateFacts, { shape, texts }: ReadPrompt, exchangeId: string): Promise<PromptShape> {
    if (this.#tokenizer === undefined) return shape
    const known = this.#estimator.knownBeginning(facts, shape)
    const counted = known?.counts[featureAt.textTokens] ?? 0
    const isCounted = known !== undefined && counted > 0
    const fresh = isCounted ? texts.slice(texts.length - known.messagesAfter) : texts
    try {
      const tokens = fresh.length === 0 ? 0 : await this.#tokenizer.count(fresh)
      if (!Number.isFinite(tokens) || tokens < 0) throw new Error(`the tokenizer counted ${tokens}`)
      const counts = shape.counts.slice()
      counts.fill(0, 0, textFeatures)
      counts[featureAt.textTokens] = tokens + (isCounted ? counted : 0)
      return { ...shape, counts }
    } catch (cause) {
      this.#host.onFault({
        code: 'estimate-failed',
        message: 'the tokenizer failed; the text was estimated by its letters',
        exchangeId,
        source: this.#tokenizer.name,
        cause,
      })
      return shape
    }
  }
}

function estimateOf(estimator: UsageEstimator, facts: EstimateFacts): UsageEstimate {
  // What an upstream has counted is true of the model that it was asked about.
  const { exactTokens: _exactTokens, ...others } = facts
  return {
    model: facts.model,
    likely: () => estimator.likely(facts),
    most: (body) => {
      const unseen = body === undefined ? Infinity : unseenTokens(body)
      return unseen === Infinity ? estimator.most(facts, true) : estimator.most({ ...facts, bytes: facts.bytes + unseen }, false)
    },
    withModel: (model) => estimateOf(estimator, { ...others, model }),
    learn: (usage) => estimator.learn(facts, usage),
  }
}
