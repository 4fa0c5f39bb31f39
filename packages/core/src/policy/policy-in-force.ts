import type { Fault } from '../errors.ts'
import type { Clock } from '../host.ts'
import type { PolicyDocument, PolicyShelf } from '../ports/policy-shelf.ts'
import { compilePolicy, type CompiledPolicy } from './compile-policy.ts'
import { parsePolicyText, toPolicyDocument } from './policy-version.ts'

/** A policy and its version: swapped as one, so that no exchange sees the rules of one under the name of another. */
export interface VersionedPolicy {
  readonly version: string
  readonly compiled: CompiledPolicy
}

/** Options of {@link PolicyInForce}. */
export interface PolicyInForceOptions {
  readonly shelf: PolicyShelf | undefined
  /** In force until the shelf has one. */
  readonly first: CompiledPolicy | undefined
  readonly upstreams: readonly string[] | undefined
  readonly clock: Clock
  readonly onFault: (fault: Fault) => void
  readonly refreshMillis: number
  readonly answerMillis: number
}

const source = 'policy'

/** The policy in force, fetched anew every few seconds in the background; through an outage of the shelf, and past an invalid document, the last good one. */
export class PolicyInForce {
  readonly #options: PolicyInForceOptions
  #current: VersionedPolicy | undefined
  #first: Promise<VersionedPolicy> | undefined
  /** The version last seen on the shelf, valid or not: a document is looked at once. */
  #seenVersion: string | undefined
  #hasAnswered = false
  /** The shelf has said that nothing was ever published. */
  #isEmpty = false
  #askedAt = -Infinity
  #asking: Promise<void> | undefined
  #isOut = false

  constructor(options: PolicyInForceOptions) {
    this.#options = options
  }

  /** Undefined where no policy has ever been known. Waits only for the very first one. */
  async current(): Promise<VersionedPolicy | undefined> {
    const { shelf, clock, refreshMillis } = this.#options
    if (shelf !== undefined && this.#asking === undefined && clock.now() - this.#askedAt >= refreshMillis) {
      this.#askedAt = clock.now()
      this.#asking = this.#ask(shelf).finally(() => (this.#asking = undefined))
    }
    // In an outage nobody waits: what is known is in force, and where nothing is, nothing is sent.
    if (!this.#hasAnswered && !this.#isOut) await this.#asking
    return this.#current ?? this.#firstOne()
  }

  /** What is in force as far as is known, without asking. */
  get known(): VersionedPolicy | undefined {
    return this.#current
  }

  /** Asks the shelf now, whatever the time. Never rejects. */
  async refresh(): Promise<void> {
    const { shelf, clock } = this.#options
    await this.#asking
    if (shelf === undefined) return
    this.#askedAt = clock.now()
    // Exchanges that come before the first answer wait for this one, too.
    const asking = this.#ask(shelf).finally(() => {
      if (this.#asking === asking) this.#asking = undefined
    })
    this.#asking = asking
    await asking
  }

  /** The policy that the developer gave, or the one that leaves everything as it is where the shelf has said that it has none. */
  async #firstOne(): Promise<VersionedPolicy | undefined> {
    const { first, shelf } = this.#options
    if (first === undefined && shelf !== undefined && !this.#isEmpty) return undefined
    this.#first ??= versioned(first ?? compilePolicy({ version: 1, rules: [] }))
    const versionedFirst = await this.#first
    // The shelf may have answered meanwhile.
    this.#current ??= versionedFirst
    return this.#current
  }

  /** Never rejects: what fails is told to the operator. */
  async #ask(shelf: PolicyShelf): Promise<void> {
    const { onFault } = this.#options
    let found: PolicyDocument | undefined
    try {
      found = await this.#inTime(shelf.current())
    } catch (cause) {
      if (!this.#isOut)
        onFault({ code: 'policy-shelf-failed', message: 'the policy shelf does not answer; the last known policy stays in force', source, cause })
      this.#isOut = true
      return
    }
    if (this.#isOut) onFault({ code: 'policy-shelf-recovered', message: 'the policy shelf answers again', source })
    this.#isOut = false
    this.#isEmpty = found === undefined
    if (found !== undefined && found.version !== this.#seenVersion) await this.#take(found)
    this.#hasAnswered = true
  }

  async #take({ version, document }: PolicyDocument): Promise<void> {
    this.#seenVersion = version
    try {
      const policy = parsePolicyText(document)
      const compiled = compilePolicy(policy, this.#options.upstreams)
      const { version: actual } = await toPolicyDocument(policy)
      if (actual !== version) throw new Error(`its text has the version ${actual}: it was changed where it is kept`)
      this.#current = { version, compiled }
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      const instead = this.#current === undefined ? 'none' : `version ${this.#current.version}`
      this.#options.onFault({
        code: 'policy-invalid',
        message: `policy ${version.slice(0, 40)} is not valid, and ${instead} stays in force: ${reason}`,
        source,
        cause,
      })
    }
  }

  async #inTime<Answer>(answer: Promise<Answer>): Promise<Answer> {
    const { clock, answerMillis } = this.#options
    const late = Promise.withResolvers<never>()
    const cancel = clock.after(answerMillis, () => late.reject(new Error(`no answer within ${answerMillis} ms`)))
    try {
      return await Promise.race([answer, late.promise])
    } finally {
      cancel()
    }
  }
}

async function versioned(compiled: CompiledPolicy): Promise<VersionedPolicy> {
  return { version: (await toPolicyDocument(compiled.policy)).version, compiled }
}
