/**
 * A storage adapter in one short file: a ledger of JSON lines. A toy, since it reads the whole file at each question, but it keeps the whole contract,
 * and it is where to start for a store of your own: replace the file by your database, and run the same test.
 */
import { type Ledger, type LedgerEntry } from '@sluice/core'
import { listEntries, parseEntryJson, reportRows, toEntryJson, toStorableEntry } from '@sluice/core/ledger'
import { open, readFile, type FileHandle } from 'node:fs/promises'

/** A ledger in a file, to be closed. One process at a time may have it open. */
export interface FileLedger extends Ledger {
  readonly close: () => Promise<void>
}

/** Opens the ledger in a file, or makes it. A line that a crash has torn is dropped. */
export async function fileLedger(path: string): Promise<FileLedger> {
  const file = await open(path, 'a+')
  await dropTornLine(file)
  /** The append of each exchange id: the map is where racing callers meet, before anything is awaited. */
  const appends = new Map<string, Promise<void>>()
  for (const { exchangeId } of await readEntries(path)) appends.set(exchangeId, Promise.resolve())
  const write = async (line: string): Promise<void> => {
    await file.appendFile(line)
    await file.datasync()
  }
  let lastWrite: Promise<void> = Promise.resolve()
  return {
    append: (entry) => {
      const stored = toStorableEntry(entry)
      const known = appends.get(stored.exchangeId)
      if (known !== undefined) return known
      const line = `${toEntryJson(stored)}\n`
      // One line after the other, whether or not the one before was kept.
      const kept = lastWrite.catch(() => undefined).then(() => write(line))
      lastWrite = kept
      appends.set(stored.exchangeId, kept)
      // An append that failed may be tried again.
      kept.catch(() => appends.delete(stored.exchangeId))
      return kept
    },
    report: async (query) => reportRows(await readEntries(path), query),
    exchanges: async (query) => listEntries(await readEntries(path), query),
    close: async () => {
      await lastWrite.catch(() => undefined)
      await file.close()
    },
  }
}

async function readEntries(path: string): Promise<readonly LedgerEntry[]> {
  const lines = (await readFile(path, 'utf8')).split('\n')
  // What follows the last line break is empty, or a line that is being written.
  return lines.slice(0, -1).map(parseEntryJson)
}

async function dropTornLine(file: FileHandle): Promise<void> {
  const bytes = await file.readFile()
  await file.truncate(bytes.lastIndexOf('\n') + 1)
}
