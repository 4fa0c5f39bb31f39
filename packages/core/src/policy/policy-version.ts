import { sha256Hex } from '../audit/audit-hash.ts'
import { canonicalJson } from '../audit/canonical-json.ts'
import { ConfigurationError } from '../errors.ts'
import type { PolicyDocument, PolicyPublishResult, PolicyShelf } from '../ports/policy-shelf.ts'
import { compilePolicy } from './compile-policy.ts'
import type { Policy } from './policy-document.ts'

const versionLength = 16
/** No policy that a person wrote comes near it. */
const maxDocumentLength = 1_000_000

/** A policy as a shelf keeps it: canonical JSON, and the first 16 hex digits of its SHA-256. Equal policies have one version, in whatever order their fields stand. */
export async function toPolicyDocument(policy: unknown): Promise<PolicyDocument> {
  const document = canonicalJson(policy)
  return { version: (await sha256Hex(document)).slice(0, versionLength), document }
}

/**
 * The policy in a document's text.
 *
 * @throws ConfigurationError where it is not JSON, or longer than a million characters
 */
export function parsePolicyText(document: string): unknown {
  if (document.length > maxDocumentLength) throw new ConfigurationError('policy', `is longer than ${maxDocumentLength} characters.`)
  try {
    return JSON.parse(document)
  } catch (cause) {
    throw new ConfigurationError('policy', `is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
}

/** What {@link publishPolicy} is given. */
export interface PublishPolicyOptions {
  readonly shelf: PolicyShelf
  readonly policy: Policy
  /** The version that is to be replaced; undefined: none is in force. */
  readonly expected: string | undefined
  readonly at: number
  readonly actor: string
  readonly reason?: string
  /** Names of the configured upstreams, where they are known here. @defaultValue not checked */
  readonly upstreams?: readonly string[]
}

/**
 * Checks a policy and puts it in force, if `expected` still is. A publication that is repeated changes nothing.
 *
 * @throws ConfigurationError for a policy that is not valid; nothing is published then
 */
export async function publishPolicy({ policy, shelf, upstreams, ...rest }: PublishPolicyOptions): Promise<PolicyPublishResult> {
  compilePolicy(policy, upstreams)
  return shelf.publish({ ...rest, ...(await toPolicyDocument(policy)) })
}

/** What {@link rollBackPolicy} is given. */
export interface RollBackPolicyOptions extends Omit<PublishPolicyOptions, 'policy'> {
  /** The version to go back to; it was in force once. */
  readonly version: string
}

/**
 * Puts an old version in force again.
 *
 * @throws ConfigurationError for a version that the shelf does not have, or that is not valid for this gateway any more
 */
export async function rollBackPolicy({ version, shelf, upstreams, ...rest }: RollBackPolicyOptions): Promise<PolicyPublishResult> {
  const old = await shelf.version(version)
  if (old === undefined) throw new ConfigurationError('version', `"${version.slice(0, 40)}" was never in force. Take one from the policy's history.`)
  compilePolicy(parsePolicyText(old.document), upstreams)
  return shelf.publish({ ...rest, ...old })
}
