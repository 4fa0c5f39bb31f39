/** Number of the label that is not there. */
export const noLabel = 0

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** Labels by number, each text once. Uses are counted, and a label without any is forgotten and its number given away again: it holds no more than the rows use. */
export class Dictionary {
  readonly #numbers = new Map<string, number>()
  readonly #texts: (string | null)[] = [null]
  readonly #uses: number[] = [1]
  readonly #free: number[] = []

  /** Labels in use. */
  get size(): number {
    return this.#numbers.size
  }

  /** The number of a label, used once more than before. */
  take(text: string | null): number {
    if (text === null) return noLabel
    const known = this.#numbers.get(text)
    if (known !== undefined) {
      this.#uses[known] = (this.#uses[known] as number) + 1
      return known
    }
    const number = this.#free.pop() ?? this.#texts.length
    const own = copyOf(text)
    this.#numbers.set(own, number)
    this.#texts[number] = own
    this.#uses[number] = 1
    return number
  }

  /** Takes one use back. */
  release(number: number): void {
    if (number === noLabel) return
    const uses = (this.#uses[number] as number) - 1
    this.#uses[number] = uses
    if (uses > 0) return
    this.#numbers.delete(this.#texts[number] as string)
    this.#texts[number] = null
    this.#free.push(number)
  }

  textOf(number: number): string | null {
    return this.#texts[number] as string | null
  }

  /** Undefined for a label that no row has. */
  find(text: string): number | undefined {
    return this.#numbers.get(text)
  }
}

/** A label cut out of a longer text, such as a request's, would keep all of that in memory. */
function copyOf(text: string): string {
  return decoder.decode(encoder.encode(text))
}
