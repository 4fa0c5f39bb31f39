import { ConfigurationError, systemClock, type Clock } from '@sluice/core'
import { closeSync, openSync } from 'node:fs'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { clearTimeout, setImmediate, setTimeout } from 'node:timers'
import { setTimeout as delay } from 'node:timers/promises'
import { readHolderNote, removeHolderNote, writeHolderNote } from './holder-note.ts'
import { migrate } from './migrate.ts'
import { isBusy, StoreError, toStoreError } from './store-error.ts'

/** Options of {@link openSqlite} and {@link openSqliteDatabase}. */
export interface SqliteOptions {
  /**
   * What a resolved promise has survived. `process`: the death of the process, `kill -9` included, since the operating system has the bytes; a power failure or a
   * crash of the operating system may lose the last seconds, in order, and never leaves a part of a change. `power`: those too, for a wait for the disk with each change.
   * @defaultValue 'process'
   */
  readonly durability?: 'process' | 'power'
  /** The store's time. @defaultValue the system's clock */
  readonly clock?: Clock
}

/** Defaults of {@link SqliteOptions}. */
export const defaultSqliteOptions: { readonly durability: 'process'; readonly clock: Clock } = Object.freeze({ durability: 'process', clock: systemClock })

/** Readers and checkpoints may let the log grow; this much of its file is kept for the next time. */
const keptLogBytes = 64 * 1024 * 1024
const cacheKibibytes = 32 * 1024

/** Pages of the log, of 4 KB, after which its changes are moved into the file. Changes touch the same pages again and again, so who moves them seldom moves fewer. */
const checkpointPages = 4_000

/** Bounds how long the event loop waits for one transaction. */
const maxChangesTogether = 256

/**
 * When a change is made. `soon`: with the others of this turn of the event loop; `along`: with the next that are made soon, so that those see it; `gathered`: with
 * others of its kind. The last two wait no longer than some milliseconds, and not at all where a caller has just been told of a change that was made alone: who works
 * step by step would wait with each.
 */
export type ChangePace = 'soon' | 'along' | 'gathered'

/** The longest that a change waits for company. Each page is written once a transaction, so gathered ones cost less the more they are. */
const patienceMillis: Readonly<Record<Exclude<ChangePace, 'soon'>, number>> = { along: 5, gathered: 20 }

/** So many are company enough: they wait no longer. */
const enoughGathered = 32

/** A change that waits for its transaction. */
interface Change {
  /** Makes the change, and returns what tells the caller once it is kept. */
  readonly run: () => () => void
  readonly reject: (error: unknown) => void
}

/** A database that this process alone has open: what the factories of ports are given. */
export class SqliteDatabase {
  readonly path: string
  readonly clock: Clock
  readonly #database: DatabaseSync
  readonly #statements: Readonly<Record<'begin' | 'commit' | 'rollback', StatementSync>>
  readonly #commitListeners: (() => void)[] = []
  readonly #rollbackListeners: (() => void)[] = []
  /** To be made in this order. */
  readonly #waiting: Change[] = []
  readonly #gathered: Change[] = []
  #isFlushDue = false
  #alongTimer: NodeJS.Timeout | undefined
  #gatheredTimer: NodeJS.Timeout | undefined
  /** While the caller of a change that was made alone goes on with its answer. */
  #isAnsweringOne = false

  /** For {@link openSqliteDatabase}, which has locked and migrated the file. */
  constructor(path: string, clock: Clock, database: DatabaseSync) {
    this.path = path
    this.clock = clock
    this.#database = database
    this.#statements = { begin: database.prepare('begin immediate'), commit: database.prepare('commit'), rollback: database.prepare('rollback') }
  }

  /** A statement, to be prepared once and run often. @throws StoreError when the database is closed */
  prepare(sql: string): StatementSync {
    this.#mustBeOpen()
    return this.#database.prepare(sql)
  }

  /** A statement whose whole numbers are read as bigints. */
  prepareBigInts(sql: string): StatementSync {
    const statement = this.prepare(sql)
    statement.setReadBigInts(true)
    return statement
  }

  /**
   * Runs a change in a transaction: all of it is kept, or nothing and the promise rejects. It is synchronous, so nothing comes between, and may be run a second time
   * when the first was undone. Changes that are asked for in one turn of the event loop share a transaction, and so its cost; the failure of one undoes none of the others.
   */
  write<Result>(change: () => Result, pace: ChangePace = 'soon'): Promise<Result> {
    return new Promise((resolve, reject) => {
      const run = (): (() => void) => {
        const result = change()
        return () => resolve(result)
      }
      const isSoon = pace === 'soon' || this.#isAnsweringOne
      const lane = pace === 'gathered' && !isSoon ? this.#gathered : this.#waiting
      lane.push({ run, reject })
      if (isSoon) this.#flushSoon()
      else if (pace === 'along') this.#alongTimer ??= setTimeout(() => this.#flush(), patienceMillis.along)
      else if (this.#gathered.length >= enoughGathered) this.#flushAll()
      else this.#gatheredTimer ??= setTimeout(() => this.#flushAll(), patienceMillis.gathered)
    })
  }

  /** Reads, seeing every change whose promise has resolved. */
  async read<Result>(question: () => Result): Promise<Result> {
    try {
      this.#mustBeOpen()
      return question()
    } catch (error) {
      throw toStoreError(error, this.path)
    }
  }

  /** Calls back within each transaction, when all its changes are made: for what is better written once than with each of them. */
  onCommit(listener: () => void): void {
    this.#commitListeners.push(listener)
  }

  /** Calls back whenever a change was undone, for who remembers what he wrote. */
  onRollback(listener: () => void): void {
    this.#rollbackListeners.push(listener)
  }

  /** Does what is still waiting, then closes the file and lets others open it. Idempotent. */
  async close(): Promise<void> {
    if (!this.#database.isOpen) return
    this.#flushAll()
    while (this.#waiting.length > 0) this.#flush()
    // While the lock is held, the note cannot be somebody else's.
    if (this.path !== ':memory:') removeHolderNote(this.path)
    this.#database.close()
  }

  #flushSoon(): void {
    if (this.#isFlushDue) return
    this.#isFlushDue = true
    setImmediate(() => {
      this.#isFlushDue = false
      this.#flush()
    })
  }

  /** Makes what is being gathered, too. */
  #flushAll(): void {
    clearTimeout(this.#gatheredTimer)
    this.#gatheredTimer = undefined
    this.#waiting.push(...this.#gathered.splice(0))
    this.#flush()
  }

  #flush(): void {
    clearTimeout(this.#alongTimer)
    this.#alongTimer = undefined
    const changes = this.#waiting.splice(0, maxChangesTogether)
    if (this.#waiting.length > 0) this.#flushSoon()
    if (changes.length > 1 && this.#commit(changes) === undefined) return
    for (const change of changes) {
      const failure = this.#commit([change])
      if (failure !== undefined) change.reject(toStoreError(failure.error, this.path))
    }
  }

  /** Runs changes in one transaction and answers them. Returns why none was kept, where none was. */
  #commit(changes: readonly Change[]): { readonly error: unknown } | undefined {
    try {
      this.#mustBeOpen()
      this.#statements.begin.run()
      const answers = changes.map(({ run }) => run())
      for (const listener of this.#commitListeners) listener()
      this.#statements.commit.run()
      for (const answer of answers) answer()
      if (changes.length === 1) this.#answerOne()
      return undefined
    } catch (error) {
      this.#undo()
      return { error }
    }
  }

  #answerOne(): void {
    this.#isAnsweringOne = true
    // After all that the caller does at once with its answer: a tick comes after every microtask.
    queueMicrotask(() => process.nextTick(() => (this.#isAnsweringOne = false)))
  }

  #undo(): void {
    for (const listener of this.#rollbackListeners) listener()
    try {
      // A full disk may have undone the transaction already.
      if (this.#database.isOpen && this.#database.isTransaction) this.#statements.rollback.run()
    } catch {
      // A disk that fails even this is told of by the error that led here. The next change cannot begin, and tries again to undo.
    }
  }

  #mustBeOpen(): void {
    if (!this.#database.isOpen) throw new StoreError('closed', `${this.path}: The store has been closed.`)
  }
}

/**
 * Opens a database file, or makes it, for this process alone; `:memory:` makes one that is gone when it is closed. What it holds is upgraded to this version's schema.
 * The lock is the operating system's: it goes with the process, however that dies. A program that opens and closes the file by other means lets go of it.
 *
 * @throws ConfigurationError (rejects) where somebody has the file open, where it is not this package's, or where its schema is of a newer version
 * @throws StoreError (rejects) where the file cannot be read or written
 */
export async function openSqliteDatabase(path: string, options: SqliteOptions = {}): Promise<SqliteDatabase> {
  const durability = options.durability ?? defaultSqliteOptions.durability
  const clock = options.clock ?? defaultSqliteOptions.clock
  if (path === '') throw new ConfigurationError('openSqlite.path', 'it is empty. Give the path of a file, or ":memory:".')
  if (durability !== 'process' && durability !== 'power')
    throw new ConfigurationError('openSqlite.durability', `"${String(durability)}" is not known. Use "process" or "power".`)
  const isFile = path !== ':memory:'
  for (let attempt = 1; ; attempt += 1) {
    try {
      if (isFile) createPrivately(path)
      const database = lockedDatabase(path, durability)
      if (isFile) writeHolderNote(path, clock.now())
      return new SqliteDatabase(path, clock, database)
    } catch (error) {
      if (!isBusy(error)) throw toStoreError(error, path)
      if (attempt === openAttempts)
        throw new ConfigurationError(
          'openSqlite.path',
          `${path} is held by ${readHolderNote(path)}. One process at a time may have it open: stop that one, ask it instead, or give this one a file of its own.`,
          { cause: error },
        )
      // Of two that open at one instant each may see the other: whose number is lower comes first.
      await delay(10 + (process.pid % 37))
    }
  }
}

const openAttempts = 3

/** Makes the file readable by its owner only, since keys and who spent what are in it. Never opens one that is there: closing it would let go of this process's lock. */
function createPrivately(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600))
  } catch {
    // It is there; or the path is wrong, which SQLite says when it opens it.
  }
}

function lockedDatabase(path: string, durability: 'process' | 'power'): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: 0 })
  try {
    // Before the first look into the file, so that the lock is taken with it and its index stays in this process.
    database.exec('pragma locking_mode = exclusive')
    database.exec('pragma journal_mode = wal')
    database.exec(`pragma synchronous = ${durability === 'power' ? 'full' : 'normal'}`)
    database.exec(`pragma journal_size_limit = ${keptLogBytes}`)
    database.exec(`pragma wal_autocheckpoint = ${checkpointPages}`)
    database.exec(`pragma cache_size = -${cacheKibibytes}`)
    migrate(database, path)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}
