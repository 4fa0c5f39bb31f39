import { ConfigurationError } from '@sluice/core'
import { compilePolicy, parsePolicyText, recommendedPolicy, type Policy } from '@sluice/core/policy'
import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { messageOf, UsageError } from '../errors.ts'
import { policySpec, ruleSpec } from './routing-setting.ts'
import { given, type Given, type Layer, type SettingSources } from './setting.ts'

/** The policy that `sluice start` was given. */
export interface GivenPolicy {
  /** As the user wrote it: `--policy routing.json`. */
  readonly origin: string
  /** The file that it stands in; absent for one that stands in the setting itself. */
  readonly path?: string
  readonly policy: Policy
}

const strength: Readonly<Record<Layer, number>> = { flag: 3, environment: 2, file: 1, default: 0 }

/** A file's name holds none of these words and a space. */
const ruleText = /^(?:when|use|keep|deny|downgrade)\s/

/**
 * The policy from the strongest place that gives one, checked against the upstreams there are. Undefined where none is given.
 *
 * @throws UsageError naming the setting, the place in the document, and the fix
 */
export function givenPolicy(sources: SettingSources, upstreams: readonly string[], directory: string): GivenPolicy | undefined {
  const policy = given(policySpec, sources)
  const rules = given(ruleSpec, sources)
  if (policy !== undefined && rules?.layer === policy.layer)
    throw new UsageError(`${policy.origin} and ${rules.origin} give two policies. Give one of them; a policy file has place for many rules.`)
  const found = strength[rules?.layer ?? 'default'] > strength[policy?.layer ?? 'default'] ? ofRules(rules) : ofSetting(policy, directory)
  if (found !== undefined) checkPolicy(found, upstreams)
  return found
}

/**
 * Reads a policy's file, and checks it.
 *
 * @throws UsageError where it cannot be read, or is not valid
 */
export function readPolicyFile(path: string, origin: string, upstreams: readonly string[]): Policy {
  const policy = readFile(path, origin)
  checkPolicy({ policy, origin }, upstreams)
  return policy
}

function ofRules(rules: Given<readonly string[]> | undefined): GivenPolicy | undefined {
  return rules && { origin: rules.origin, policy: { version: 1, rules: rules.value } }
}

function ofSetting(setting: Given<string | object> | undefined, directory: string): GivenPolicy | undefined {
  if (setting === undefined) return undefined
  const { value, origin } = setting
  if (typeof value !== 'string') return { origin, policy: value as Policy }
  if (value === 'recommended') return { origin: `${origin} recommended`, policy: recommendedPolicy }
  if (ruleText.test(value)) return { origin, policy: { version: 1, rules: [value] } }
  const path = resolve(directory, value)
  return { origin: `${origin} ${value}`, path, policy: readFile(path, origin) }
}

function readFile(path: string, origin: string): Policy {
  let text: string
  try {
    if (statSync(path).isDirectory()) throw new Error('it is a directory')
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    throw new UsageError(`${origin}: cannot read ${path}: ${messageOf(cause)}. Give the path of a policy in JSON, or "recommended".`, { cause })
  }
  try {
    return parsePolicyText(text) as Policy
  } catch (cause) {
    if (!ConfigurationError.is(cause)) throw cause
    throw new UsageError(`${origin}: ${path}: ${cause.message}`, { cause })
  }
}

function checkPolicy({ policy, origin }: Pick<GivenPolicy, 'policy' | 'origin'>, upstreams: readonly string[]): void {
  try {
    compilePolicy(policy, upstreams)
  } catch (cause) {
    if (!ConfigurationError.is(cause)) throw cause
    throw new UsageError(`${origin}: ${cause.message}`, { cause })
  }
}
