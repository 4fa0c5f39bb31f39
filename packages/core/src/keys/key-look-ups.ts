import { GatewayError, type Fault } from '../errors.ts'
import type { Clock } from '../host.ts'
import type { KeyRecord, KeyRing, Principal } from '../ports/key-ring.ts'
import type { Scope, ScopeTree } from '../ports/scope-tree.ts'

/** What look-ups need. */
export interface KeyLookUpOptions {
  readonly ring: KeyRing
  readonly scopes: ScopeTree
  readonly clock: Clock
  /** How long a look-up's answer is good for, counted from when it was asked. */
  readonly cacheMillis: number
  /** How long it may serve when the store does not answer. */
  readonly lastKnownGoodMillis: number
  /** How long the store may take. */
  readonly lookUpMillis: number
  /** Told of every record that a look-up or a change of this process brings. */
  readonly onRecord: (record: KeyRecord) => void
  readonly onFault: (fault: Fault) => void
}

/** A key as it was found, with the scopes above it; without them its scope is not in the tree. */
export interface KnownKey {
  readonly record: KeyRecord
  readonly lineage: readonly Scope[] | undefined
  readonly principal: Principal
}

interface Answer {
  readonly key: KnownKey | undefined
  readonly askedAt: number
  /** When it was last asked again out of turn. */
  againAt?: number
}

/** Keys in use that are remembered; one beyond them costs a look-up more, and is refused at once in an outage. */
const mostKnown = 20_000
/** Ids of no key that are remembered. Apart from the others, so that nobody drives those out by making ids up. */
const mostUnknown = 10_000
/** While the store is out one look-up in so long asks whether it is back. */
const retryMillis = 1_000
/** A key is looked up again out of turn once in so long. */
const againMillis = 1_000

/**
 * Finds keys by id: remembers what it found, asks once for all who wait for the same, and bridges the store's outages with what it knew last.
 * An answer that takes long is good for a shorter time, not for longer: what is older than `cacheMillis` is looked up again.
 */
export class KeyLookUps {
  readonly #options: KeyLookUpOptions
  readonly #known = new Map<string, Answer>()
  readonly #unknown = new Map<string, Answer>()
  readonly #underWay = new Map<string, Promise<KnownKey | undefined>>()
  #outage: { retryAt: number } | undefined
  /** When the newest look-up that was answered had been asked. */
  #answeredAskedAt = -Infinity

  constructor(options: KeyLookUpOptions) {
    this.#options = options
  }

  /** @throws GatewayError `keys-unavailable` where the store does not answer and the key is not known well enough */
  async find(id: string): Promise<KnownKey | undefined> {
    const { clock, cacheMillis } = this.#options
    const now = clock.now()
    const answer = this.#known.get(id) ?? this.#unknown.get(id)
    // A clock that was set back makes nothing fresh.
    if (answer !== undefined && now >= answer.askedAt && now - answer.askedAt < cacheMillis) return answer.key
    if (this.#outage !== undefined) {
      const bridged = this.#lastKnownGood(id)
      if (bridged !== undefined) {
        if (this.#isDue(now)) void this.refresh(id).catch(() => undefined)
        return bridged
      }
      if (!this.#isDue(now)) throw unavailable(undefined)
    }
    try {
      return await this.refresh(id)
    } catch (cause) {
      const bridged = this.#lastKnownGood(id)
      if (bridged === undefined) throw unavailable(cause)
      return bridged
    }
  }

  /**
   * Finds a key again that is known since before `since`, for a credential that is none of its secrets: it may have been rotated elsewhere.
   * Once a second at most for one key, whatever is made up.
   *
   * @throws GatewayError `keys-unavailable` where the store does not answer, so that nobody can tell
   */
  async findAgain(id: string, since: number): Promise<KnownKey | undefined> {
    const answer = this.#known.get(id)
    const now = this.#options.clock.now()
    if (answer === undefined || answer.askedAt >= since) return answer?.key
    const isTooSoon = answer.againAt !== undefined && now >= answer.againAt && now - answer.againAt < againMillis
    if (this.#outage !== undefined && (isTooSoon || !this.#isDue(now))) throw unavailable(undefined)
    if (isTooSoon) return answer.key
    answer.againAt = now
    return this.refresh(id).catch((cause: unknown) => {
      throw unavailable(cause)
    })
  }

  /** Looks a key up now, unless that is under way. Rejects with what the store did. */
  refresh(id: string): Promise<KnownKey | undefined> {
    const underWay = this.#underWay.get(id)
    if (underWay !== undefined) return underWay
    const askedAt = this.#options.clock.now()
    if (this.#outage !== undefined) this.#outage.retryAt = askedAt + this.#options.lookUpMillis + retryMillis
    const lookUp: Promise<KnownKey | undefined> = this.#ask(id).then(
      (key) => {
        this.#succeeded(askedAt)
        // Where it is under way no more, a change of our own has overtaken it.
        if (this.#underWay.get(id) === lookUp) {
          this.#underWay.delete(id)
          this.#keep(id, { key, askedAt })
        }
        return key
      },
      (cause: unknown) => {
        if (this.#underWay.get(id) === lookUp) this.#underWay.delete(id)
        this.#failed(askedAt, cause)
        throw cause
      },
    )
    this.#underWay.set(id, lookUp)
    return lookUp
  }

  /** Like {@link refresh} for who asks again anyway: never rejects, and leaves a store alone that is out. */
  async refreshIfDue(id: string): Promise<void> {
    if (this.#outage === undefined || this.#isDue(this.#options.clock.now())) await this.refresh(id).catch(() => undefined)
  }

  /** Takes over what a change of this process has made of a key. */
  changed(record: KeyRecord): void {
    const { id } = record
    this.#underWay.delete(id)
    this.#unknown.delete(id)
    const key = this.#known.get(id)?.key
    if (key === undefined) this.#options.onRecord(record)
    else this.#keep(id, { key: knownKey(record, key.lineage), askedAt: this.#options.clock.now() })
  }

  /** What is known of a key, however old. */
  recalled(id: string): KeyRecord | undefined {
    return this.#known.get(id)?.key?.record
  }

  async #ask(id: string): Promise<KnownKey | undefined> {
    const { clock, lookUpMillis, ring, scopes } = this.#options
    const late = Promise.withResolvers<never>()
    const cancel = clock.after(lookUpMillis, () => late.reject(new Error(`the key store did not answer within ${lookUpMillis} ms`)))
    const find = async (): Promise<KnownKey | undefined> => {
      const record = await ring.find(id)
      return record && knownKey(record, await scopes.lineage(record.scope))
    }
    try {
      return await Promise.race([find(), late.promise])
    } finally {
      cancel()
    }
  }

  #keep(id: string, answer: Answer): void {
    const againAt = this.#known.get(id)?.againAt
    const [into, other, most] = answer.key === undefined ? [this.#unknown, this.#known, mostUnknown] : [this.#known, this.#unknown, mostKnown]
    other.delete(id)
    // Deleted first, so that the one looked up longest ago comes first.
    into.delete(id)
    if (into.size >= most) into.delete(into.keys().next().value as string)
    into.set(id, againAt === undefined ? answer : { ...answer, againAt })
    if (answer.key !== undefined) this.#options.onRecord(answer.key.record)
  }

  #lastKnownGood(id: string): KnownKey | undefined {
    const answer = this.#known.get(id)
    return answer !== undefined && this.#options.clock.now() - answer.askedAt < this.#options.lastKnownGoodMillis ? answer.key : undefined
  }

  #isDue(now: number): boolean {
    return this.#outage === undefined || now >= this.#outage.retryAt || now + this.#options.lookUpMillis + retryMillis < this.#outage.retryAt
  }

  #succeeded(askedAt: number): void {
    this.#answeredAskedAt = Math.max(this.#answeredAskedAt, askedAt)
    if (this.#outage === undefined) return
    this.#outage = undefined
    this.#options.onFault({ code: 'key-ring-recovered', message: 'the key store answers again', source: 'virtualKeys' })
  }

  #failed(askedAt: number, cause: unknown): void {
    // One that was asked later has been answered: the store is not out.
    if (askedAt < this.#answeredAskedAt) return
    const retryAt = this.#options.clock.now() + retryMillis
    if (this.#outage === undefined) {
      const minutes = Math.round(this.#options.lastKnownGoodMillis / 60_000)
      this.#options.onFault({
        code: 'key-ring-failed',
        message: `the key store does not answer; keys in use are taken as last known for up to ${minutes} minutes, others are refused with 503`,
        source: 'virtualKeys',
        cause,
      })
    }
    this.#outage = { retryAt }
  }
}

function knownKey(record: KeyRecord, lineage: readonly Scope[] | undefined): KnownKey {
  const { id, developer, tags, restrictions } = record
  const scopes = lineage?.map(({ path, level }) => ({ path, level }))
  return { record, lineage, principal: { keyId: id, developer, ...(scopes !== undefined && { scopes }), tags, restrictions } }
}

function unavailable(cause: unknown): GatewayError {
  return new GatewayError('keys-unavailable', 'This gateway cannot check keys at the moment. Nothing is wrong with yours; try again shortly.', {
    retryAfterSeconds: 1,
    shouldRetry: true,
    ...(cause !== undefined && { cause }),
  })
}
