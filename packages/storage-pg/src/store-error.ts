/**
 * What went wrong, for programs. `unreachable`: no answer from the server, or it is going away; whether a write took place is unknown.
 * `contention`: the server gave up a transaction in favour of another, and nothing took place. `schema`: the database is not one that this version serves.
 * `closed`: the store was closed. `rejected`: the server refused the statement or its data; trying again would not help.
 */
export type StoreErrorCode = 'unreachable' | 'contention' | 'schema' | 'closed' | 'rejected'

/** A store could not do what it was asked. The message holds no value of any row. */
export class StoreError extends Error {
  override readonly name: string = 'StoreError'
  readonly code: StoreErrorCode
  /** True where the same call may succeed later, with nobody changing anything. */
  readonly isTransient: boolean
  /** The server's SQLSTATE, where it answered. */
  readonly sqlState: string | undefined

  constructor(code: StoreErrorCode, message: string, options: { readonly cause?: unknown; readonly sqlState?: string } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.isTransient = code === 'unreachable' || code === 'contention'
    this.sqlState = options.sqlState
  }
}

/** The error of a failed statement, told apart by what may be done about it. */
export function toStoreError(error: unknown): StoreError {
  if (error instanceof StoreError) return error
  const sqlState = sqlStateOf(error)
  const cause = { cause: error, ...(sqlState !== undefined && { sqlState }) }
  if (sqlState === undefined) {
    // What is no answer of the server comes from the way to it, unless this code or the client's is wrong.
    if (error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError)
      return new StoreError('rejected', `The client could not send the statement: ${error.name}.`, cause)
    return new StoreError(
      'unreachable',
      'PostgreSQL did not answer. Check that it runs, and that the address and the credentials of the pool are right.',
      cause,
    )
  }
  if (isLosing(sqlState)) return new StoreError('unreachable', `PostgreSQL is not available (SQLSTATE ${sqlState}).`, cause)
  if (sqlState.startsWith('40') || sqlState === '55P03')
    return new StoreError('contention', `PostgreSQL gave up the transaction in favour of another (SQLSTATE ${sqlState}).`, cause)
  if (sqlState === '3F000' || sqlState === '42P01' || sqlState === '42883' || sqlState === '42703')
    return new StoreError('schema', `The database lacks something that this version uses (SQLSTATE ${sqlState}). Run: sluice migrate`, cause)
  return new StoreError('rejected', `PostgreSQL refused the statement (SQLSTATE ${sqlState}).`, cause)
}

/** Connection lost, server starting or stopping, out of resources, or a standby that has not been promoted yet. */
function isLosing(sqlState: string): boolean {
  return /^(?:08|53|57P0|58)/.test(sqlState) || sqlState === '25006' || sqlState === '57014'
}

function sqlStateOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined
  const { code } = error
  // Codes of the operating system are as long at times, and start with an E, as no SQLSTATE does.
  return typeof code === 'string' && /^[0-9A-DF-Z][0-9A-Z]{4}$/.test(code) ? code : undefined
}
