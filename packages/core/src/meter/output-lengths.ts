/** Half powers of two up to a million. */
const steps = 41
/** From this many on, old ones count half. */
const mostSamples = 400

/** How long answers are, in a few numbers. */
export class OutputLengths {
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
