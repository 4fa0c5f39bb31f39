/**
 * Why a store could not do what it was asked. `full`: no room on the disk; `read-only`: the file may not be written; `unreachable`: the disk failed, or the file is gone;
 * `damaged`: the file is not what SQLite wrote; `closed`: the store has been closed; `refused`: SQLite refused for another reason.
 */
export type StoreErrorCode = 'full' | 'read-only' | 'unreachable' | 'damaged' | 'closed' | 'refused'

/** The operator must act: the store's file or disk is in a state that keeps it from working. What it was asked has not happened; what was kept before is kept. */
export class StoreError extends Error {
  override readonly name: string = 'StoreError'
  readonly code: StoreErrorCode

  constructor(code: StoreErrorCode, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
  }
}

/** SQLite's primary result codes, https://www.sqlite.org/rescode.html */
const codes: ReadonlyMap<number, readonly [code: StoreErrorCode, advice: string]> = new Map([
  [8, ['read-only', 'The file may not be written. Let this process write it and its folder.']],
  [10, ['unreachable', 'The disk failed to read or write. Look at the system log.']],
  [11, ['damaged', 'The file is damaged. Stop the gateway and restore a copy.']],
  [13, ['full', 'There is no room left. Make room on the disk; nothing that was kept is lost, and the store goes on by itself.']],
  [14, ['unreachable', 'The file cannot be opened. See that its folder exists and that this process may write there.']],
  [26, ['damaged', 'The file is not an SQLite database. Give another path.']],
])

/** SQLite's primary result code for a file that somebody else has locked. */
const busy = 5

/** The error that an operator can act on; errors that are not SQLite's come back as they are. */
export function toStoreError(error: unknown, path: string): unknown {
  const resultCode = resultCodeOf(error)
  if (resultCode === undefined) return error
  const [code, advice] = codes.get(resultCode) ?? (['refused', 'SQLite refused.'] as const)
  return new StoreError(code, `${path}: ${advice} (${(error as Error).message})`, { cause: error })
}

/** True for the error of a file that another connection holds. */
export function isBusy(error: unknown): boolean {
  return resultCodeOf(error) === busy
}

/** The primary result code of an error that SQLite gave; undefined for others. */
function resultCodeOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return undefined
  return error.errcode & 0xff
}
