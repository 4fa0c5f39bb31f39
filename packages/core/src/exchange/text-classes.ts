import { featureAt } from '../meter/prompt-shape.ts'

/** Classes of bytes. */
const lower = 1
const upper = 2
const digit = 3
const blank = 4
const lineBreak = 5
const mark = 6
const accented = 7
const foreign = 8
const symbol = 9
const ideograph = 10
const pictograph = 11
/** The rest of a letter of several bytes. */
const rest = 12
const classes = 13
/** Of the backslash, which stands for what comes after it. */
const escape = 13

const classOf: Uint8Array = new Uint8Array(256)
const backslash = 0x5c
for (let byte = 0; byte < 256; byte += 1) classOf[byte] = byte < 0x80 ? classOfCode(byte) : byte < 0xc0 ? rest : classOfLead(byte)
classOf[backslash] = escape

function classOfLead(byte: number): number {
  if (byte < 0xc9) return accented
  if (byte < 0xe0) return foreign
  if (byte === 0xe2) return symbol
  return byte < 0xf0 ? ideograph : pictograph
}

function classOfCode(code: number): number {
  if (code < 0x80) {
    if (code >= 0x61 && code <= 0x7a) return lower
    if (code >= 0x41 && code <= 0x5a) return upper
    if (code >= 0x30 && code <= 0x39) return digit
    if (code === 0x0a || code === 0x0d) return lineBreak
    return code <= 0x20 ? blank : mark
  }
  if (code < 0x250) return accented
  if (code < 0x800) return foreign
  if (code >= 0xdc00 && code <= 0xdfff) return rest
  if (code >= 0xd800 && code <= 0xdbff) return pictograph
  return code >= 0x2000 && code < 0x3000 ? symbol : ideograph
}

/** What the letter after a backslash stands for. */
const escaped: Uint8Array = new Uint8Array(256)
for (const [letter, code] of [
  ['n', 0x0a],
  ['r', 0x0d],
  ['t', 0x09],
  ['b', 0x08],
  ['f', 0x0c],
  ['"', 0x22],
  ['\\', backslash],
  ['/', 0x2f],
] as const)
  escaped[letter.charCodeAt(0)] = code
const letterU = 0x75
/** FNV-1a. */
const prime = 0x01000193
const lateAfter = 7
/** Of one text that is longer, samples are counted: the event loop is not held for it. */
const mostCountedBytes = 512 * 1024
const samples = 16
const sampleBytes = 16 * 1024

/** What was counted up to some place. */
export interface TextMark {
  readonly pairs: Uint32Array
  readonly lateLetters: number
  readonly hash: number
  readonly bytes: number
}

/** Counts the text of JSON strings by classes, and takes their fingerprint. Time and memory are linear; no text is kept. */
export class TextClasses {
  /** How often a class stood after another: all but the length of words follows from it. */
  readonly #pairs = new Uint32Array(classes * classes)
  #lateLetters = 0
  #hash = 0x811c9dc5
  #bytes = 0

  /** Counts what stands within the quotes of a JSON string: `bytes` from `start` to `end`. */
  add(bytes: Uint8Array, start: number, end: number): void {
    if (end - start > mostCountedBytes) this.#addSamples(bytes, start, end)
    else this.#count(bytes, start, end)
  }

  #count(bytes: Uint8Array, start: number, end: number): void {
    const pairs = this.#pairs
    let hash = this.#hash
    let previous = 0
    let run = 0
    let late = 0
    for (let at = start; at < end; at += 1) {
      let byte = bytes[at] as number
      let kind = classOf[byte] as number
      if (kind === escape) {
        byte = escapedCode(bytes, at + 1)
        kind = byte < 0x80 && byte !== backslash ? (classOf[byte] as number) : classOfCode(byte)
        at += bytes[at + 1] === letterU ? 5 : 1
      }
      hash = Math.imul(hash ^ byte, prime)
      pairs[previous + kind] = (pairs[previous + kind] as number) + 1
      // Without branches, which would be mispredicted at every word's end: a letter's class is below that of digits.
      run = (run + 1) & ((kind - digit) >> 31)
      late += (lateAfter - run) >>> 31
      previous = kind * classes
    }
    this.#lateLetters += late
    this.#hash = hash
    this.#bytes += end - start
  }

  /**
   * Like {@link add}, of a text that is too long to be counted at once: parts spread over all of it stand for the rest. A cut within an escape or a letter is one
   * count among thousands.
   */
  #addSamples(bytes: Uint8Array, start: number, end: number): void {
    const before = this.mark()
    const step = (end - start - sampleBytes) / (samples - 1)
    for (let sample = 0; sample < samples; sample += 1) {
      const from = Math.floor(start + sample * step)
      this.#count(bytes, from, from + sampleBytes)
    }
    const scale = (end - start) / (samples * sampleBytes)
    for (const [at, count] of before.pairs.entries()) this.#pairs[at] = Math.round(count + ((this.#pairs[at] as number) - count) * scale)
    this.#lateLetters = Math.round(before.lateLetters + (this.#lateLetters - before.lateLetters) * scale)
    this.fold(end - start)
    this.#bytes = before.bytes + end - start
  }

  /** Lets a figure stand in the fingerprint. */
  fold(figure: number): void {
    this.#hash = Math.imul(this.#hash ^ figure, prime)
  }

  /** Where it stands, for {@link backTo}. */
  mark(): TextMark {
    return { pairs: this.#pairs.slice(), lateLetters: this.#lateLetters, hash: this.#hash, bytes: this.#bytes }
  }

  /** Forgets what was added since. */
  backTo({ pairs, lateLetters, hash, bytes }: TextMark): void {
    this.#pairs.set(pairs)
    this.#lateLetters = lateLetters
    this.#hash = hash
    this.#bytes = bytes
  }

  /** That were added so far. */
  get bytes(): number {
    return this.#bytes
  }

  /** Of all that was added so far. */
  get fingerprint(): string {
    return `${(this.#hash >>> 0).toString(36)}.${this.#bytes.toString(36)}`
  }

  /** Writes the classes into their places. */
  into(counts: Float64Array): void {
    const pairs = this.#pairs
    const of = (kind: number): number => {
      let sum = 0
      for (let before = 0; before < classes; before += 1) sum += pairs[before * classes + kind] as number
      return sum
    }
    const after = (before: number, kind: number): number => pairs[before * classes + kind] as number
    const letters = of(lower) + of(upper)
    const within = after(lower, lower) + after(upper, lower) + after(upper, upper)
    const marks = of(mark)
    const breaks = of(lineBreak)
    counts[featureAt.letters] = letters
    counts[featureAt.words] = letters - within
    counts[featureAt.lateLetters] = this.#lateLetters
    counts[featureAt.digits] = of(digit)
    counts[featureAt.digitRuns] = of(digit) - after(digit, digit)
    counts[featureAt.marks] = marks
    counts[featureAt.markRuns] = marks - after(mark, mark)
    counts[featureAt.lineBreaks] = breaks - after(lineBreak, lineBreak)
    counts[featureAt.indents] = after(lineBreak, blank)
    counts[featureAt.blanks] = after(blank, blank)
    counts[featureAt.accentedLetters] = of(accented)
    counts[featureAt.foreignLetters] = of(foreign)
    counts[featureAt.symbols] = of(symbol)
    counts[featureAt.ideographs] = of(ideograph)
    counts[featureAt.pictographs] = of(pictograph)
  }
}

/** The code unit that an escape stands for, whose letter stands at `at`. */
function escapedCode(bytes: Uint8Array, at: number): number {
  const letter = bytes[at] as number
  return letter === letterU ? codeAt(bytes, at + 1) : (escaped[letter] as number)
}

function codeAt(bytes: Uint8Array, at: number): number {
  let code = 0
  for (let index = at; index < at + 4; index += 1) {
    const byte = bytes[index] as number
    code = code * 16 + (byte <= 0x39 ? byte - 0x30 : (byte | 0x20) - 0x57)
  }
  return code
}
