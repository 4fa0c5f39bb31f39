/**
 * Token counts for estimates, in time that grows with the text and no faster.
 *
 * @packageDocumentation
 */
export { cappedTokenizer, defaultCappedTokenizerOptions, type CappedTokenizerOptions } from './capped-tokenizer.ts'
export { tiktokenTokenizer, type TiktokenOptions } from './tiktoken-tokenizer.ts'
