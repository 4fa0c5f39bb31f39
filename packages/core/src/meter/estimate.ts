import { noTokens, promptTokens, type RateConditions, type TokenBuckets, type UsageReport } from './usage.ts'

/** What is known of a request before it is sent. */
export interface EstimateFacts extends RateConditions {
  /** Whose request it is: nobody learns from what another sends, who could make his estimates tiny. @defaultValue everybody is one */
  readonly tenant?: string
  readonly model: string
  /** What the request is for: titles answer shorter than turns do. */
  readonly kind: string
  /** Tells conversations apart, tenant included; undefined where the client does not say. */
  readonly conversation: string | undefined
  readonly bytes: number
  /** The request's `max_tokens`; undefined where it has none. */
  readonly maxTokens: number | undefined
  /** Milliseconds since the epoch. */
  readonly at: number
}

/** What is remembered of a conversation's last turn. */
interface Anchor {
  readonly promptTokens: number
  readonly outputTokens: number
  readonly bytes: number
  readonly at: number
  readonly ttlMillis: number
}

const minute = 60_000
/** Lives of the two kinds of cache entry. */
const shortCacheMillis = 5 * minute
const longCacheMillis = 60 * minute

/** Until a model's own figure is learned: JSON of prose and code, measured over recorded requests at 3 to 4 bytes a token. */
const firstTokensPerByte = 0.32
/** How much the latest request counts in the running figure. */
const learningRate = 0.1
/** Of output lengths that have not been learned yet. */
const firstOutputTokens = 1_500
/** Where a request does not say: the largest that current models answer. */
const mostOutputTokens = 128_000
/** Tool use adds a system prompt of the API's own: some hundred tokens. */
const hiddenTokens = 4_096
const largestContext = 1_000_000
/** Of all tenants together. */
const mostModels = 10_000

/**
 * Estimates usage from what the gateway has seen: the last turn of the same conversation is the anchor, and only what is new since then is guessed from its bytes.
 * Learns from every settled exchange; holds no text. Not for billing: what an exchange cost is what its upstream reported.
 */
export class UsageEstimator {
  readonly #maxConversations: number
  readonly #anchors = new Map<string, Anchor>()
  readonly #tokensPerByte = new Map<string, number>()
  readonly #outputs = new Map<string, OutputLengths>()

  constructor(maxConversations: number = 10_000) {
    this.#maxConversations = maxConversations
  }

  /** What such requests used of late: the last turn's prompt from the cache, the new bytes written to it, and the output that nine in ten stay under. */
  likely(facts: EstimateFacts): UsageReport {
    const { maxTokens = mostOutputTokens } = facts
    const learned = this.#outputs.get(outputsKey(facts))?.nineInTen() ?? firstOutputTokens
    return estimated(facts, { ...noTokens, ...this.#prompt(facts), outputTokens: Math.min(maxTokens, learned) })
  }

  /**
   * More than a request can use: a token a byte at the dearest rate, and all the output that it allows. Where the body only names files and pages, the largest context.
   * Does not cover what server tools read.
   */
  most(facts: EstimateFacts, hasReferences: boolean): UsageReport {
    const { bytes, maxTokens = mostOutputTokens } = facts
    const prompt = hasReferences ? largestContext : Math.min(largestContext, bytes + hiddenTokens)
    return estimated(facts, { ...noTokens, cacheWrite1hTokens: prompt, outputTokens: Math.min(maxTokens, largestContext) })
  }

  /** Takes in what a request came to. */
  learn(facts: EstimateFacts, { source, total }: UsageReport): void {
    if (source !== 'final') return
    const { model, conversation, bytes, at } = facts
    const tokens = promptTokens(total)
    if (tokens > 0 && bytes > 0 && total.webSearchRequests === 0) {
      const before = this.#tokensPerByte.get(bytesKey(facts)) ?? firstTokensPerByte
      remember(this.#tokensPerByte, bytesKey(facts), before + learningRate * (tokens / bytes - before), mostModels)
    }
    const outputs = this.#outputs.get(outputsKey(facts)) ?? new OutputLengths()
    // A reply that ran into its max_tokens says nothing of one that may be longer.
    if (facts.maxTokens === undefined || total.outputTokens < facts.maxTokens) outputs.add(total.outputTokens)
    remember(this.#outputs, outputsKey(facts), outputs, mostModels)
    if (conversation === undefined) return
    const ttlMillis = total.cacheWrite1hTokens > 0 ? longCacheMillis : (this.#anchors.get(`${conversation} ${model}`)?.ttlMillis ?? shortCacheMillis)
    remember(
      this.#anchors,
      `${conversation} ${model}`,
      { promptTokens: tokens, outputTokens: total.outputTokens, bytes, at, ttlMillis },
      this.#maxConversations,
    )
  }

  #prompt(facts: EstimateFacts): Partial<TokenBuckets> {
    const { model, conversation, bytes, at } = facts
    const perByte = this.#tokensPerByte.get(bytesKey(facts)) ?? firstTokensPerByte
    const anchor = conversation === undefined ? undefined : this.#anchors.get(`${conversation} ${model}`)
    const written = (tokens: number): Partial<TokenBuckets> =>
      anchor?.ttlMillis === longCacheMillis ? { cacheWrite1hTokens: tokens } : { cacheWrite5mTokens: tokens }
    // A body far shorter than the last one is a conversation begun anew: compacted, or cleared.
    if (anchor === undefined || bytes < anchor.bytes / 2) return written(Math.ceil(bytes * perByte))
    const fresh = Math.max(anchor.outputTokens, Math.ceil(Math.max(0, bytes - anchor.bytes) * perByte))
    if (at - anchor.at >= anchor.ttlMillis) return written(anchor.promptTokens + fresh)
    return { cacheReadTokens: anchor.promptTokens, ...written(fresh) }
  }
}

function outputsKey({ tenant = '', kind, model }: EstimateFacts): string {
  return JSON.stringify([tenant, kind, model])
}

function bytesKey({ tenant = '', model }: EstimateFacts): string {
  return JSON.stringify([tenant, model])
}

function estimated({ model, speed, inferenceGeo }: EstimateFacts, tokens: TokenBuckets): UsageReport {
  const conditions: RateConditions = { ...(speed !== undefined && { speed }), ...(inferenceGeo !== undefined && { inferenceGeo }) }
  return { source: 'estimated', total: tokens, lines: [{ ...tokens, ...conditions, model, role: 'message' }], flags: ['nothing-reported'] }
}

/** Puts a value last, and forgets the one that was put longest ago beyond the bound. */
function remember<Value>(map: Map<string, Value>, key: string, value: Value, most: number): void {
  map.delete(key)
  map.set(key, value)
  if (map.size > most) map.delete(map.keys().next().value as string)
}

/** Half powers of two up to a million. */
const steps = 41
/** From this many on, old ones count half. */
const mostSamples = 400

/** How long answers are, in a few numbers. */
class OutputLengths {
  readonly #counts = new Uint32Array(steps)
  #total = 0

  add(tokens: number): void {
    const step = Math.min(steps - 1, Math.max(0, Math.ceil(2 * Math.log2(Math.max(1, tokens)))))
    this.#counts[step] = (this.#counts[step] as number) + 1
    this.#total += 1
    if (this.#total < mostSamples) return
    this.#total = 0
    for (let at = 0; at < steps; at += 1) this.#total += this.#counts[at] = (this.#counts[at] as number) >> 1
  }

  /** A length that nine in ten do not exceed; undefined while too few are known. */
  nineInTen(): number | undefined {
    if (this.#total < 5) return undefined
    let seen = 0
    for (let step = 0; step < steps; step += 1) {
      seen += this.#counts[step] as number
      if (seen * 10 >= this.#total * 9) return Math.ceil(2 ** (step / 2))
    }
    return undefined
  }
}
