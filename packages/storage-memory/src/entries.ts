import type { ExchangeQuery, LedgerEntry } from '@sluice/core'
import { listEntries, parseEntryJson, toStorableText } from '@sluice/core/ledger'
import { blockRows, Blocks } from './blocks.ts'
import type { Dictionary } from './dictionary.ts'
import { nthGreatest } from './nth-greatest.ts'
import { TextQueue } from './text-queue.ts'

/** What decides which entries a list parses. */
class EntryColumns {
  readonly startedAt: Float64Array = new Float64Array(blockRows)
  readonly session: Uint32Array = new Uint32Array(blockRows)
  readonly upstreamRequestHash: Uint32Array = new Uint32Array(blockRows)
  readonly messageHash: Uint32Array = new Uint32Array(blockRows)
  readonly parts: Uint32Array = new Uint32Array(blockRows)
  readonly position: Float64Array = new Float64Array(blockRows)
  readonly bytes: Uint32Array = new Uint32Array(blockRows)
}

/** A queue of whole entries, as JSON. */
export class Entries {
  readonly #dictionary: Dictionary
  readonly #texts = new TextQueue()
  readonly #blocks = new Blocks<EntryColumns>(() => new EntryColumns())
  readonly #rowById = new Map<string, number>()
  /** Lives as long as the map: keys come in order of insertion, each once, so finding the oldest costs no search. */
  readonly #oldestId: Iterator<string> = this.#rowById.keys()

  constructor(dictionary: Dictionary) {
    this.#dictionary = dictionary
  }

  get size(): number {
    return this.#blocks.size
  }

  has(exchangeId: string): boolean {
    return this.#rowById.has(exchangeId)
  }

  /** Adds an entry with storable text, its JSON, and the number of its report parts. */
  push(entry: LedgerEntry, json: string, parts: number): void {
    const { position, bytes } = this.#texts.push(json)
    const row = this.#blocks.push()
    const columns = this.#blocks.of(row)
    const at = row % blockRows
    columns.startedAt[at] = entry.startedAt
    columns.session[at] = this.#dictionary.take(entry.attribution.session?.value ?? null)
    columns.upstreamRequestHash[at] = hashOf(entry.upstreamRequestId)
    columns.messageHash[at] = hashOf(entry.messageId)
    columns.parts[at] = parts
    columns.position[at] = position
    columns.bytes[at] = bytes
    this.#rowById.set(entry.exchangeId, row)
  }

  /** Drops the oldest entry. Returns how many report parts it had. */
  shift(): number {
    const row = this.#blocks.first
    const columns = this.#blocks.of(row)
    const at = row % blockRows
    const parts = columns.parts[at] as number
    this.#dictionary.release(columns.session[at] as number)
    this.#rowById.delete(this.#oldestId.next().value as string)
    this.#texts.dropBefore(columns.position[at] as number)
    this.#blocks.shift()
    return parts
  }

  /** The answer to a query. Parses what the columns do not rule out, and no more than what may be among the newest. */
  list(query: ExchangeQuery): readonly LedgerEntry[] {
    const { rows, times } = this.#candidates(query)
    // Of those found by an id, one may only share its hash: none of them is left out before it is parsed.
    const floor = query.id === undefined ? nthGreatest(times, query.limit ?? 100) : -Infinity
    const newest = rows.filter((_row, index) => (times[index] as number) >= floor)
    return listEntries(
      newest.map((row) => this.#entryAt(row)),
      query,
    )
  }

  /** Rows that may be sought, the last one appended first, and when their exchanges started. */
  #candidates(query: ExchangeQuery): { readonly rows: readonly number[]; readonly times: readonly number[] } {
    const rows: number[] = []
    const times: number[] = []
    const { since = -Infinity, until = Infinity } = query
    const session = query.session === undefined ? undefined : this.#dictionary.find(toStorableText(query.session))
    if (query.session !== undefined && session === undefined) return { rows, times }
    const id = query.id === undefined ? undefined : toStorableText(query.id)
    const hash = hashOf(id)
    const own = id === undefined ? undefined : this.#rowById.get(id)
    for (let row = this.#blocks.end - 1; row >= this.#blocks.first; row -= 1) {
      const columns = this.#blocks.of(row)
      const at = row % blockRows
      const startedAt = columns.startedAt[at] as number
      if (startedAt < since || startedAt >= until) continue
      if (session !== undefined && columns.session[at] !== session) continue
      if (id !== undefined && row !== own && columns.upstreamRequestHash[at] !== hash && columns.messageHash[at] !== hash) continue
      rows.push(row)
      times.push(startedAt)
    }
    return { rows, times }
  }

  #entryAt(row: number): LedgerEntry {
    const columns = this.#blocks.of(row)
    const at = row % blockRows
    return parseEntryJson(this.#texts.textAt({ position: columns.position[at] as number, bytes: columns.bytes[at] as number }))
  }
}

/** FNV-1a, of 32 bits; 0 for none. */
function hashOf(text: string | undefined): number {
  if (text === undefined) return 0
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return hash >>> 0
}
