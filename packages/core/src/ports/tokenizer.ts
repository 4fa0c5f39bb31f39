/**
 * Counts the tokens of texts, for estimates. It need not be the model's own: what its counts come to in a model's tokens is learned from reported usage. Never what an
 * exchange is billed by, and never an answer to `count_tokens`.
 */
export interface Tokenizer {
  /** Named in faults. */
  readonly name: string
  /**
   * Tokens of all the texts together. The time must grow with their length and no faster, whatever they hold: they are what anybody sends. One that takes more than a few
   * milliseconds lets other work run in between, and answers with a promise.
   */
  readonly count: (texts: readonly string[]) => number | Promise<number>
}
