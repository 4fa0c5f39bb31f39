import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'

/**
 * A note beside the database that says who has it open. It locks nothing: the operating system does, and lets go when a process dies. It only lends
 * its words to the error that a second opener gets.
 */
function noteOf(path: string): string {
  return `${path}-holder`
}

/** Says that this process has the database. */
export function writeHolderNote(path: string, atMillis: number): void {
  try {
    writeFileSync(noteOf(path), JSON.stringify({ process: process.pid, host: hostname(), since: new Date(atMillis).toISOString() }), { mode: 0o600 })
  } catch {
    // A full disk must not keep a store from opening for want of a note; a second opener then reads of "another process".
  }
}

/** Takes the note away. */
export function removeHolderNote(path: string): void {
  rmSync(noteOf(path), { force: true })
}

/** Who has the database, in words. */
export function readHolderNote(path: string): string {
  try {
    const { process: id, host, since } = JSON.parse(readFileSync(noteOf(path), 'utf8')) as { process: number; host: string; since: string }
    if (id === process.pid && host === hostname()) return `this process (${id}), since ${since}`
    // A note that a killed process left must not be taken for whoever has the file now.
    return host === hostname() && !isAlive(id) ? 'another process' : `process ${id} on ${host}, since ${since}`
  } catch {
    return 'another process'
  }
}

function isAlive(id: number): boolean {
  try {
    // Signal 0 is sent to nobody: it asks.
    return process.kill(id, 0)
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
