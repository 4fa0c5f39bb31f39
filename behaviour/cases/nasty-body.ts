import type { RandomSource } from '@sluice/rehearsal'

/** Text that survives only where nobody parses and prints it again. */
const strings = [
  '"plain"',
  '"\\ud83d"',
  '"\\udc00 lone low"',
  '"\\u0000\\u001f"',
  '"\\/ slash \\/"',
  '"Gr\u00fc\u00dfe \u4e16\u754c \ud83d\udc69\u200d\ud83d\udc69"',
  '"\\u00e9 and \u00e9"',
  '"line\u2028separator"',
  '"quote \\" brace } bracket ]"',
  '"back\\\\slash\\\\"',
  '""',
]
const numbers = ['12345678901234567890', '-0', '1E400', '1.0', '1.00000000000000000001', '0.1e-7', '9007199254740993', '-1e+2']
const spaces = ['', ' ', '\n', '\t', '\r\n', '  \n\t ']
const literals = ['true', 'false', 'null']

/** A JSON object of random shape in UTF-8: duplicate and unknown keys, odd whitespace, numbers and escapes beyond what a parser keeps. */
export function nastyBody(random: RandomSource): Uint8Array {
  const pick = (from: readonly string[]): string => from[Math.floor(random() * from.length)] as string
  const space = (): string => pick(spaces)
  const value = (depth: number): string => {
    const roll = random()
    if (depth > 0 && roll < 0.2) return `{${space()}${list(depth, () => `${pick(strings)}${space()}:${space()}${value(depth - 1)}`)}${space()}}`
    if (depth > 0 && roll < 0.4) return `[${space()}${list(depth, () => value(depth - 1))}${space()}]`
    return roll < 0.65 ? pick(strings) : roll < 0.9 ? pick(numbers) : pick(literals)
  }
  const list = (depth: number, item: () => string): string => Array.from({ length: Math.floor(random() * 3 * depth) }, item).join(`${space()},${space()}`)
  const members = [`"model"${space()}:${space()}"claude-opus-5-5"`, `"unknown_${Math.floor(random() * 1e9)}":${value(5)}`]
  for (let count = 1 + Math.floor(random() * 30); count > 0; count -= 1)
    members.push(`${space()}${pick([...strings, '"model"', '"stream"', '"max_tokens"'])}${space()}:${space()}${value(4)}`)
  const bom = random() < 0.1 ? '\ufeff' : ''
  return Buffer.from(`${bom}${space()}{${space()}${members.join(`${space()},`)}${space()}}${space()}`)
}
