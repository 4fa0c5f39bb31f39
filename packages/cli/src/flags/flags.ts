import { parseArgs, type ParseArgsConfig } from 'node:util'
import { UsageError } from '../errors.ts'
import { didYouMean } from './nearest.ts'

/** One flag of a command. */
export interface FlagSpec {
  /** What its value stands for, in help: `N`, `FILE`. Absent for a switch. */
  readonly value?: string
  readonly about: string
  /** May be given several times. */
  readonly isRepeatable?: true
}

/** A command's flags by name, without the dashes. */
export type FlagSpecs = Readonly<Record<string, FlagSpec>>

/** Flags as given, checked against their specs. */
export interface Flags {
  /** The value of a flag; the last one where it was given twice. */
  readonly text: (name: string) => string | undefined
  readonly list: (name: string) => readonly string[]
  readonly has: (name: string) => boolean
  /** What stands without a flag, in the order of the command's names for it. */
  readonly positional: (name: string) => string | undefined
}

/**
 * Reads a command's flags, and what it takes without one: before, between or after them.
 *
 * @throws UsageError naming the flag and, for a misspelt one, the nearest
 */
export function parseFlags(specs: FlagSpecs, argv: readonly string[], positionals: readonly string[] = []): Flags {
  const options: NonNullable<ParseArgsConfig['options']> = { help: { type: 'boolean', short: 'h' } }
  for (const [name, { value }] of Object.entries(specs)) options[name] = { type: value === undefined ? 'boolean' : 'string', multiple: true }
  const { tokens } = parseArgs({ args: [...argv], options, strict: false, allowPositionals: true, tokens: true })
  const given = new Map<string, string[]>()
  const bare: string[] = []
  for (const token of tokens) {
    if (token.kind === 'option-terminator') continue
    if (token.kind === 'positional') {
      if (bare.length === positionals.length) throw new UsageError(`"${token.value}" is not expected here. Flags start with --.`)
      bare.push(token.value)
      continue
    }
    const { name, rawName } = token
    if (name !== 'help') {
      const spec = Object.hasOwn(specs, name) ? specs[name] : undefined
      if (spec === undefined) throw new UsageError(`the flag ${rawName} is not known.${didYouMean(name, Object.keys(specs), (found) => `--${found}`)}`)
      if (spec.value === undefined && token.value !== undefined) throw new UsageError(`${rawName} takes no value.`)
      if (spec.value !== undefined && isMissing(token.value, token.inlineValue)) throw new UsageError(`${rawName} needs a value: ${rawName} ${spec.value}`)
    }
    given.set(name, [...(given.get(name) ?? []), token.value ?? ''])
  }
  return {
    text: (name) => given.get(name)?.at(-1),
    list: (name) => given.get(name) ?? [],
    has: (name) => given.has(name),
    positional: (name) => bare[positionals.indexOf(name)],
  }
}

/** A value that looks like the next flag was forgotten, unless written with `=`. */
function isMissing(value: string | undefined, isInline: boolean | undefined): boolean {
  return value === undefined || value === '' || (isInline !== true && value.startsWith('--'))
}

/** The flags as aligned help lines. */
export function flagHelp(specs: FlagSpecs): string {
  const rows = Object.entries(specs).map(([name, { value, about }]) => [value === undefined ? `--${name}` : `--${name} ${value}`, about] as const)
  const width = Math.max(...rows.map(([flag]) => flag.length))
  return rows.map(([flag, about]) => `  ${flag.padEnd(width)}  ${about}`).join('\n')
}
