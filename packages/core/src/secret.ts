const inspectSymbol: symbol = Symbol.for('nodejs.util.inspect.custom')

/** Holds a credential so that printing, joining, serialising or inspecting it shows a mask. Only `reveal` gives it out. */
export class Secret {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
    Object.defineProperty(this, inspectSymbol, { value: () => '[secret]' })
  }

  /** The credential itself: for a header about to be sent, and nothing else. */
  reveal(): string {
    return this.#value
  }

  toString(): string {
    return '[secret]'
  }

  toJSON(): string {
    return '[secret]'
  }
}

/** Compares two texts in time that depends on the presented one's length only. */
export function equalInConstantTime(presented: string, secret: string): boolean {
  let difference = presented.length ^ secret.length
  for (let at = 0; at < presented.length; at += 1) difference |= presented.charCodeAt(at) ^ secret.charCodeAt(at % Math.max(1, secret.length))
  return difference === 0
}
