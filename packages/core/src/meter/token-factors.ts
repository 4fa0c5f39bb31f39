import { featureAt, promptFeatures, textFeatures, type PromptFeature } from './prompt-shape.ts'

const size = promptFeatures.length

/** What a feature is before anything was learned, and how sure that is. */
type Prior = readonly [tokens: number, doubt: number]

const priors: Readonly<Record<PromptFeature, Prior>> = {
  words: [0.9, 0.1],
  letters: [0.028, 0.015],
  lateLetters: [0.097, 0.025],
  digits: [0.5, 0.15],
  digitRuns: [0.81, 0.3],
  marks: [0.62, 0.05],
  markRuns: [0.47, 0.15],
  lineBreaks: [0.64, 0.037],
  indents: [0.28, 0.6],
  blanks: [0.29, 0.025],
  accentedLetters: [0.72, 0.12],
  foreignLetters: [0.6, 0.3],
  symbols: [3, 0.5],
  ideographs: [1.1, 0.4],
  pictographs: [3.6, 0.25],
  requests: [2.8, 0.25],
  messages: [3.9, 0.1],
  assistantMessages: [-1.5, 0.062],
  textBlocks: [-0.41, 1],
  toolUses: [40, 5],
  toolResults: [21, 3.8],
  otherBlocks: [1.3, 2],
  systemPrompts: [0.86, 1],
  toolSets: [310, 15],
  tools: [13, 60],
  jsonMembers: [3.8, 3],
  jsonItems: [1.7, 0.1],
  jsonBrackets: [-1.7, 0.1],
  forcedChoices: [0, 150],
  answerSchemas: [111, 2.5],
  budgetedThinking: [30, 2.5],
  adaptiveThinking: [0, 5],
  thinkingBytes: [0, 0.1],
  pictureTokens: [1, 0.3],
  pages: [1_600, 300],
  documentKilobytes: [15, 15],
  citations: [582, 15],
  pictureReferences: [500, 1_000],
  documentReferences: [1_600, 2_000],
  toolServers: [1_000, 10_000],
  webTools: [1_500, 1_500],
  codeTools: [1_000, 1_000],
  otherServerTools: [300, 500],
  textTokens: [1.1, 0.2],
}

/** What generations of models differ in: how they write tools into the prompt, and, the newest, a vocabulary of shorter tokens. Measured. */
interface Generation {
  readonly models: RegExp
  readonly toolSets: number
  readonly forcedChoices: number
  readonly textPart: number
}

const generations: readonly Generation[] = [
  { models: /claude-3-[^7]/, toolSets: 273, forcedChoices: 100, textPart: 1 },
  { models: /claude-3-7|(?:sonnet|opus)-4-(?:[01](?:$|-)|20)/, toolSets: 280, forcedChoices: -20, textPart: 1 },
  { models: /-4-[56]/, toolSets: 515, forcedChoices: 65, textPart: 1 },
]
const newest: Omit<Generation, 'models'> = { toolSets: 320, forcedChoices: 150, textPart: 1.6 }

/** Models of one generation write and count prompts alike, so they learn from one another. One that is not known is its own. */
export function generationOf(model: string): string {
  const known = generations.findIndex(({ models }) => models.test(model))
  if (known !== -1) return `claude ${known}`
  return model.includes('claude') ? 'claude' : `model ${model}`
}

function firstTokens(model: string, feature: PromptFeature, at: number): number {
  const generation = generations.find(({ models }) => models.test(model)) ?? newest
  if (feature === 'toolSets' || feature === 'forcedChoices') return generation[feature]
  const [tokens] = priors[feature]
  return at < textFeatures || feature === 'textTokens' ? tokens * generation.textPart : tokens
}

/** Reported prompts differ from the best estimate by this, and this part. */
const noiseTokens = 0.7
const noisePart = 0.03
/** A surprise counts no more than one of so many deviations: a prompt that says nothing of its like must not move what is known. */
const mostDeviations = 3
/** After each look the figures are a little less sure, so that they follow what changes. */
const drift = 1.002
/** After a surprise they are much less sure of what was in it: another one like it counts for more, and where it was the only one, usual prompts soon make up for it. */
const surprisedDrift = 1.3

/**
 * What the features of prompts come to in tokens, for one model: least squares, updated with each reported prompt, with surprises bounded.
 */
export class TokenFactors {
  readonly #tokens: Float64Array = new Float64Array(size)
  readonly #doubts: Float64Array = new Float64Array(size * size)

  /** @param model - what is known of its generation is where it begins */
  constructor(model: string) {
    for (const [at, feature] of promptFeatures.entries()) {
      const [, doubt] = priors[feature]
      this.#tokens[at] = firstTokens(model, feature, at)
      this.#doubts[at * size + at] = doubt * doubt
    }
  }

  estimate(counts: Float64Array): number {
    let sum = 0
    for (let at = 0; at < size; at += 1) sum += (counts[at] as number) * (this.#tokens[at] as number)
    return Math.max(0, sum)
  }

  /** Takes in what a prompt came to. */
  learn(counts: Float64Array, tokens: number): void {
    const doubts = this.#doubts
    const toward = new Float64Array(size)
    let doubt = 0
    for (let row = 0; row < size; row += 1) {
      let sum = 0
      for (let column = 0; column < size; column += 1) sum += (doubts[row * size + column] as number) * (counts[column] as number)
      toward[row] = sum
      doubt += sum * (counts[row] as number)
    }
    const noise = noiseTokens + noisePart * tokens
    const variance = noise * noise + doubt
    const most = mostDeviations * Math.sqrt(variance)
    const found = tokens - this.estimate(counts)
    const surprise = Math.max(-most, Math.min(most, found))
    for (let row = 0; row < size; row += 1) {
      const gain = (toward[row] as number) / variance
      this.#tokens[row] = (this.#tokens[row] as number) + gain * surprise
      for (let column = 0; column < size; column += 1) {
        const at = row * size + column
        doubts[at] = (doubts[at] as number) - gain * (toward[column] as number)
      }
    }
    for (const [at, feature] of promptFeatures.entries()) {
      const own = at * size + at
      const isIn = surprise !== found && counts[at] !== 0
      doubts[own] = Math.min((doubts[own] as number) * (isIn ? surprisedDrift : drift), priors[feature][1] ** 2)
    }
  }

  /** What each feature comes to now. */
  get figures(): Readonly<Record<PromptFeature, number>> {
    return Object.fromEntries(promptFeatures.map((feature) => [feature, this.#tokens[featureAt[feature]] as number])) as Record<PromptFeature, number>
  }
}
