import { toStorable } from '@sluice/core/ledger'
import { open } from 'node:fs/promises'

/** A file that has a line of JSON for everything that was ever done to a store. */
export interface VerbFile<Verb> {
  /** Writes what is to be done, then does it: one verb after the other, in the order of the calls. Where it cannot be written it rejects, and nothing is done. */
  readonly perform: <Result>(verb: Verb, act: (verb: Verb) => Result) => Promise<Result>
  readonly close: () => Promise<void>
}

/**
 * Opens a file, or makes it, and hands its verbs to `replay` in order. A line that a crash has torn is dropped: whoever wrote it was told nothing.
 * One process at a time may have it open, since the queue in here is the only guard.
 */
export async function verbFile<Verb>(path: string, replay: (verb: Verb) => void): Promise<VerbFile<Verb>> {
  const file = await open(path, 'a+')
  const bytes = await file.readFile()
  let length = bytes.lastIndexOf('\n') + 1
  for (const line of bytes.toString('utf8', 0, length).split('\n').slice(0, -1)) replay(parseVerb(line) as Verb)
  const write = async (line: Uint8Array): Promise<void> => {
    // Takes away what a crash, or a write that failed, has left behind the last whole line.
    await file.truncate(length)
    await file.appendFile(line)
    await file.datasync()
    length += line.length
  }
  let last: Promise<unknown> = Promise.resolve()
  return {
    perform: async (verb, act) => {
      // A frozen copy, made before anything is awaited: what the caller does to its own objects changes nothing.
      const kept = toStorable(verb)
      const done = last.then(() => write(new TextEncoder().encode(`${toVerbJson(kept)}\n`))).then(() => act(kept))
      last = done.catch(() => undefined)
      return done
    },
    close: async () => {
      await last
      await file.close()
    },
  }
}

/** Money is a bigint, which JSON has not. Storable text has no NUL, so that one marks an amount. */
function toVerbJson(verb: unknown): string {
  return JSON.stringify(verb, (_key, value: unknown) => (typeof value === 'bigint' ? `\0${value}` : value))
}

function parseVerb(line: string): unknown {
  const verb: unknown = JSON.parse(line, (_key, value: unknown) => (typeof value === 'string' && value.startsWith('\0') ? BigInt(value.slice(1)) : value))
  return toStorable(verb)
}
