import { ConfigurationError } from '@sluice/core'
import { compilePolicy, parsePolicyText, recommendedPolicy, type CompiledPolicy, type Policy } from '@sluice/core/policy'
import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { CommandError, messageOf, UsageError } from '../errors.ts'
import type { FlagSpecs, Flags } from '../flags/flags.ts'

/** Flags of commands that take a policy. */
export const policyFlags: FlagSpecs = {
  rule: { value: 'TEXT', about: "a rule in short form, in place of FILE; repeatable: 'when input < 10k use claude-haiku-4-5 else keep'", isRepeatable: true },
}

/** Said of FILE where a command takes a policy. */
export const policyNotes = 'FILE is a policy in JSON, or the word "recommended" for the policy that ships with Sluice.'

/** A policy that a command was given. */
export interface SourcedPolicy {
  /** Where it came from, for messages. */
  readonly origin: string
  readonly policy: unknown
}

/** The policy of a file, of the word `recommended`, or of rules; undefined where none is given. @throws UsageError */
export function sourceOf(file: string | undefined, flags: Flags, directory: string, flag = 'FILE'): SourcedPolicy | undefined {
  const rules = flags.list('rule')
  if (rules.length > 0 && file !== undefined) throw new UsageError(`${flag} and --rule give two policies. Give one of them; a file has place for many rules.`)
  if (rules.length > 0) return { origin: '--rule', policy: { version: 1, rules } }
  if (file === undefined) return undefined
  return file === 'recommended' ? { origin: 'the recommended policy', policy: recommendedPolicy } : { origin: file, policy: readPolicy(file, directory) }
}

/** Like {@link sourceOf}, where one must be given. @throws UsageError */
export function mustSourceOf(file: string | undefined, flags: Flags, directory: string): SourcedPolicy {
  const source = sourceOf(file, flags, directory)
  if (source === undefined) throw new UsageError('FILE is missing. Give a policy in JSON, the word recommended, or rules with --rule.')
  return source
}

/** A JSON file. @throws UsageError for one that cannot be read, CommandError for one that is not JSON */
export function readJsonFile(path: string, directory: string, what: string): unknown {
  const text = readText(path, directory, what)
  try {
    return JSON.parse(text) as unknown
  } catch (cause) {
    throw new CommandError(`${path} is not JSON: ${messageOf(cause)}`, { cause })
  }
}

function readPolicy(path: string, directory: string): unknown {
  const text = readText(path, directory, 'a policy in JSON, or the word recommended')
  try {
    return parsePolicyText(text)
  } catch (cause) {
    throw new CommandError(`${path}: ${messageOf(cause)}`, { cause })
  }
}

function readText(path: string, directory: string, what: string): string {
  const full = resolve(directory, path)
  try {
    if (statSync(full).isDirectory()) throw new Error('it is a directory')
    return readFileSync(full, 'utf8')
  } catch (cause) {
    throw new UsageError(`cannot read ${full}: ${messageOf(cause)}. Give ${what}.`, { cause })
  }
}

/** A policy, checked. @throws CommandError that names the file, the place in it, and the fix */
export function compiledOf({ origin, policy }: SourcedPolicy, upstreams?: readonly string[]): CompiledPolicy {
  try {
    return compilePolicy(policy, upstreams)
  } catch (cause) {
    if (!ConfigurationError.is(cause)) throw cause
    throw new CommandError(`${origin} is not valid: ${cause.message}`, { cause })
  }
}

/** The same, as core takes it. @throws CommandError */
export function validPolicyOf(source: SourcedPolicy): Policy {
  return compiledOf(source).policy
}
