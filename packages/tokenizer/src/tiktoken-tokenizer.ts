import type { Tokenizer } from '@sluice/core'
import type { Tiktoken } from 'tiktoken/lite'
import { cappedTokenizer, type CappedTokenizerOptions } from './capped-tokenizer.ts'

/** Options of {@link tiktokenTokenizer}. */
export interface TiktokenOptions extends CappedTokenizerOptions {
  /**
   * Makes an instance of `tiktoken/lite/tiktoken_bg.wasm` where the runtime cannot load it by itself, such as a worker whose bundler hands over the compiled module:
   * `(imports) => WebAssembly.instantiate(module, imports)`. One process loads it in one way.
   * @defaultValue loaded from the package, as Node, Bun and Deno can
   */
  readonly instantiate?: (imports: Readonly<Record<string, Readonly<Record<string, unknown>>>>) => Promise<object>
}

interface Vocabulary {
  readonly bpe_ranks: string
  readonly pat_str: string
}

/** Text of special tokens is text like any other here: `encode_ordinary` knows none. */
const noSpecialTokens = {}

/**
 * Loads tiktoken with its newest vocabulary, `o200k_base`, behind {@link cappedTokenizer}. It is not Claude's own vocabulary: its counts are for estimates, whose
 * factor is learned. Loading takes some 0.4 seconds, once, and 70 MB: do it when the process starts.
 */
export async function tiktokenTokenizer(options: TiktokenOptions = {}): Promise<Tokenizer> {
  const { instantiate, ...capped } = options
  const [lite, loaded] = await Promise.all([
    instantiate === undefined ? import('tiktoken/lite') : initialised(instantiate),
    import('tiktoken/encoders/o200k_base'),
  ])
  const { bpe_ranks: ranks, pat_str: pattern } = vocabularyOf(loaded)
  const encoder = new lite.Tiktoken(ranks, noSpecialTokens, pattern)
  return cappedTokenizer('tiktoken', (piece) => encoder.encode_ordinary(piece).length, capped)
}

async function initialised(instantiate: NonNullable<TiktokenOptions['instantiate']>): Promise<{ readonly Tiktoken: typeof Tiktoken }> {
  const lite = await import('tiktoken/lite/init')
  await lite.init(instantiate as Parameters<typeof lite.init>[0])
  return lite
}

/** The module is CommonJS in some runtimes and not in others, and its types say neither. */
export function vocabularyOf(module: { readonly default: Vocabulary | { readonly default: Vocabulary } }): Vocabulary {
  return 'default' in module.default ? module.default.default : module.default
}
