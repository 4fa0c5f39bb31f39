import type { Tokenizer } from '@sluice/core'
import { piecesOf } from './pieces.ts'

/** Options of {@link cappedTokenizer}. */
export interface CappedTokenizerOptions {
  /** Characters that are encoded without a pause; about 4 milliseconds of tiktoken's. @defaultValue 16384 */
  readonly pieceCharacters?: number
  /** Of longer texts, so many characters are encoded, in pieces spread over all of it, and the rest is taken to be like them. @defaultValue 524288 */
  readonly mostCharacters?: number
  /** Resolves when other work has had its turn. @defaultValue a turn of the event loop */
  readonly pause?: () => Promise<void>
}

export const defaultCappedTokenizerOptions: { readonly pieceCharacters: number; readonly mostCharacters: number } = Object.freeze({
  pieceCharacters: 16_384,
  mostCharacters: 524_288,
})

const turn = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve, 0))

/**
 * Makes any byte-pair encoding safe to run over what anybody sends: its time grows with the text and no faster, it lets other work run in between, and what is beyond a
 * bound is extrapolated. Short texts are answered at once, longer ones with a promise.
 *
 * @param name - named in faults
 * @param encode - tokens of a text, at once; handed pieces whose runs are no longer than 256 characters
 */
export function cappedTokenizer(name: string, encode: (piece: string) => number, options: CappedTokenizerOptions = {}): Tokenizer {
  const { pieceCharacters, mostCharacters, pause = turn } = { ...defaultCappedTokenizerOptions, ...options }

  /** The pieces that are encoded. */
  function* chosen(texts: readonly string[], total: number): Generator<string, void, void> {
    const part = Math.min(1, mostCharacters / Math.max(1, total))
    let passed = 0
    let taken = 0
    for (const text of texts) {
      for (const block of blocksOf(text, part === 1 ? text.length : pieceCharacters)) {
        passed += block.length
        if (part < 1 && taken >= passed * part) continue
        taken += block.length
        yield* piecesOf(block, pieceCharacters)
      }
    }
  }

  return {
    name,
    count: (texts) => {
      const total = texts.reduce((sum, text) => sum + text.length, 0)
      const counter = new PieceCounter(encode)
      const pieces = chosen(texts, total)
      if (total <= pieceCharacters) {
        for (const piece of pieces) counter.add(piece)
        return counter.tokens
      }
      return countInTurns(pieces, counter, pieceCharacters, pause).then(() => Math.round((counter.tokens * total) / Math.max(1, counter.characters)))
    },
  }
}

function* blocksOf(text: string, blockCharacters: number): Generator<string, void, void> {
  for (let at = 0; at < text.length; at += blockCharacters) yield text.slice(at, at + blockCharacters)
}

async function countInTurns(pieces: Iterable<string>, counter: PieceCounter, turnCharacters: number, pause: () => Promise<void>): Promise<void> {
  let paused = 0
  for (const piece of pieces) {
    if (counter.characters - paused >= turnCharacters) {
      paused = counter.characters
      await pause()
    }
    counter.add(piece)
  }
}

/** Sums tokens; a piece that repeats the one before it, as those of one long run do, is encoded once. */
class PieceCounter {
  tokens = 0
  characters = 0
  readonly #encode: (piece: string) => number
  #last = ''
  #lastTokens = 0

  constructor(encode: (piece: string) => number) {
    this.#encode = encode
  }

  add(piece: string): void {
    if (piece !== this.#last) {
      this.#lastTokens = this.#encode(piece)
      this.#last = piece
    }
    this.tokens += this.#lastTokens
    this.characters += piece.length
  }
}
