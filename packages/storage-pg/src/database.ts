import { systemClock, type Clock } from '@sluice/core'
import { toStorableText } from '@sluice/core/ledger'
import { checkSchema } from './migrate.ts'
import type { PgPool, PgResult } from './pool.ts'
import { quoted, validSchema } from './schema-name.ts'
import { toStoreError } from './store-error.ts'
import { withTransaction } from './transaction.ts'

/** Options of every store of this package. */
export interface PgOptions {
  /** The schema that all tables live in. Lower-case letters, digits and underscores. @defaultValue 'sluice' */
  readonly schema?: string
  /** Waits between attempts. @defaultValue the runtime's clock */
  readonly clock?: Clock
}

/** Whether a statement whose fate is unknown may be sent again. */
export interface StatementOptions {
  readonly isIdempotent: boolean
}

/** Before the second, third and fourth attempt. A restarted server has left a broken connection behind for each that the pool held. */
const retryMillis: readonly number[] = [10, 50, 250]

/** A server that is slow to say no is not asked again: whoever waits has waited long enough. */
const patienceMillis = 1_000

/** A pool, and how this package talks through it. Values are text, lists of text, or null; what comes back is text. */
export class Database {
  readonly schema: string
  readonly #pool: PgPool
  readonly #clock: Clock
  #ready: Promise<void> | undefined

  /** @throws ConfigurationError for a schema that is no plain identifier */
  constructor(pool: PgPool, options: PgOptions) {
    this.schema = validSchema(options.schema)
    this.#pool = pool
    this.#clock = options.clock ?? systemClock
  }

  /** Resolves once the database is known to be one that this version serves; asks once, and again after a failure. @throws StoreError */
  ready(): Promise<void> {
    this.#ready ??= this.#retrying({ isIdempotent: true }, () => checkSchema(this.#pool, { schema: this.schema })).catch((error: unknown) => {
      this.#ready = undefined
      throw error
    })
    return this.#ready
  }

  /** One statement, in a transaction of its own. `{s}` in the text is the schema. @throws StoreError */
  async query(text: string, values: readonly SqlValue[], options: StatementOptions): Promise<PgResult> {
    await this.ready()
    const sent = values.map(storable)
    const statement = text.replaceAll('{s}', quoted(this.schema))
    return this.#retrying(options, () => this.#pool.query(statement, [...sent]))
  }

  /** The only column of the only row, as JSON. What a function of the schema answers. @throws StoreError */
  async call(text: string, values: readonly SqlValue[], options: StatementOptions): Promise<unknown> {
    const { rows } = await this.query(text, values, options)
    const result = rows[0]?.['result']
    return typeof result === 'string' ? JSON.parse(result) : undefined
  }

  /** Several statements in one transaction; what `work` throws rolls it back. @throws StoreError */
  async transaction<Result>(
    options: StatementOptions,
    work: (query: (text: string, values: readonly SqlValue[]) => Promise<PgResult>) => Promise<Result>,
  ): Promise<Result> {
    await this.ready()
    return this.#retrying(options, () =>
      withTransaction(this.#pool, (client) => work((text, values) => client.query(text.replaceAll('{s}', quoted(this.schema)), values.map(storable)))),
    )
  }

  async #retrying<Result>({ isIdempotent }: StatementOptions, attempt: () => Promise<Result>): Promise<Result> {
    const until = this.#clock.now() + patienceMillis
    for (let failures = 0; ; failures += 1) {
      try {
        return await attempt()
      } catch (thrown) {
        const error = toStoreError(thrown)
        const delay = retryMillis[failures]
        const mayRetry = error.code === 'contention' || (error.code === 'unreachable' && isIdempotent)
        if (!mayRetry || delay === undefined || this.#clock.now() > until) throw error
        await new Promise<void>((resolve) => void this.#clock.after(delay, resolve))
      }
    }
  }
}

/** A value of a statement. Numbers and bigints are sent as text, for the statement to cast. */
export type SqlValue = string | number | bigint | boolean | null | readonly (string | number | bigint | boolean | null)[]

function storable(value: SqlValue): unknown {
  if (typeof value === 'object' && value !== null) return value.map((item) => scalar(item))
  return scalar(value)
}

function scalar(value: string | number | bigint | boolean | null): string | null {
  if (value === null) return null
  return typeof value === 'string' ? toStorableText(value) : String(value)
}
