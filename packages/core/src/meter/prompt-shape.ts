/**
 * What is counted of a prompt. The first are classes of its text, the rest are what the API's own template adds tokens for. Order is the order of the figures
 * in {@link PromptShape.counts}.
 */
export const promptFeatures = [
  /** Runs of Latin letters; a capital within one begins another. */
  'words',
  'letters',
  /** Letters from the eighth of a word on: rare words fall into several tokens. */
  'lateLetters',
  'digits',
  'digitRuns',
  'marks',
  'markRuns',
  'lineBreaks',
  'indents',
  /** Blanks beyond the one before a word. */
  'blanks',
  'accentedLetters',
  /** Letters of two bytes: Greek, Cyrillic, Hebrew, Arabic. */
  'foreignLetters',
  'symbols',
  /** Letters of three bytes: Chinese, Japanese, Korean and others. */
  'ideographs',
  'pictographs',
  'requests',
  'messages',
  'assistantMessages',
  'textBlocks',
  'toolUses',
  'toolResults',
  'otherBlocks',
  'systemPrompts',
  'toolSets',
  'tools',
  /** Of tools and their inputs: members of objects, items of lists, and the brackets of both. */
  'jsonMembers',
  'jsonItems',
  'jsonBrackets',
  'forcedChoices',
  'answerSchemas',
  /** 1 where the request asks for thinking, with a budget or as the model likes. */
  'budgetedThinking',
  'adaptiveThinking',
  'thinkingBytes',
  /** What pictures come to by their dimensions. */
  'pictureTokens',
  'pages',
  'documentKilobytes',
  /** 1 where answers are to cite documents. */
  'citations',
  /** What the request only names: its bytes are elsewhere. */
  'pictureReferences',
  'documentReferences',
  'toolServers',
  'webTools',
  'codeTools',
  'otherServerTools',
  /** In place of the classes of text, where a {@link Tokenizer} has counted. */
  'textTokens',
] as const

export type PromptFeature = (typeof promptFeatures)[number]

/** Where each feature stands. */
export const featureAt: Readonly<Record<PromptFeature, number>> = Object.fromEntries(promptFeatures.map((name, at) => [name, at])) as Record<
  PromptFeature,
  number
>

/** How many of the features are classes of text. */
export const textFeatures: number = featureAt.requests

/** A prompt without its text: what was counted, and fingerprints by which one is known as the beginning of another. */
export interface PromptShape {
  /** By {@link promptFeatures}. */
  readonly counts: Float64Array
  /** Bytes of pictures and documents. */
  readonly attachmentBytes: number
  /** Fingerprint of the tools and the system prompt; undefined where there are none. */
  readonly head: string | undefined
  /** Counts of the head alone. */
  readonly headCounts: Float64Array
  /** Fingerprints of the messages up to each of the last ones, in order. */
  readonly prefixes: readonly string[]
}
