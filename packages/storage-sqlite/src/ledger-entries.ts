import type { ExchangeQuery, LedgerEntry } from '@sluice/core'
import { parseEntryJson, reportParts, toEntryJson, toStorableEntry, toStorableText } from '@sluice/core/ledger'
import type { StatementSync } from 'node:sqlite'
import { LedgerSums } from './ledger-sums.ts'
import { rowLimit, textOrNull } from './rows.ts'
import type { SqliteDatabase } from './sqlite-database.ts'

/** Whole entries, each once, and the sums over them. */
export class LedgerEntries {
  readonly #database: SqliteDatabase
  readonly #sums: LedgerSums
  readonly #insert: StatementSync
  readonly #find: StatementSync
  readonly #replace: StatementSync
  readonly #newest: StatementSync
  readonly #newestOfSession: StatementSync
  readonly #byId: StatementSync
  readonly #page: StatementSync
  readonly #pageOfSession: StatementSync

  constructor(database: SqliteDatabase) {
    this.#database = database
    this.#sums = new LedgerSums(database)
    this.#insert = database.prepare(
      `insert into entries (exchange_id, started_at, session, upstream_request_id, message_id, is_recovered, json) values (?, ?, ?, ?, ?, ?, ?)
       on conflict (exchange_id) do nothing`,
    )
    this.#find = database.prepare('select json from entries where exchange_id = ? and is_recovered = 1')
    this.#replace = database.prepare(
      'update entries set started_at = ?, session = ?, upstream_request_id = ?, message_id = ?, is_recovered = 0, json = ? where exchange_id = ?',
    )
    const newestFirst = 'order by started_at desc, exchange_id desc limit ?'
    this.#newest = database.prepare(`select json from entries where started_at >= ? and started_at < ? ${newestFirst}`)
    this.#newestOfSession = database.prepare(`select json from entries where started_at >= ? and started_at < ? and session = ? ${newestFirst}`)
    // One index for each kind of id; an "or" may be answered by a scan.
    this.#byId = database.prepare(
      `select json from entries where entry in (
         select entry from entries where exchange_id = ?3 union
         select entry from entries where upstream_request_id = ?3 union
         select entry from entries where message_id = ?3
       ) and started_at >= ?1 and started_at < ?2 and (?4 is null or session = ?4) order by started_at desc, exchange_id desc limit ?5`,
    )
    const inOrder = `(started_at, entry) > (?1, ?2) and started_at < ?3 order by started_at, entry limit ${pageRows}`
    this.#page = database.prepare(`select entry, started_at, json from entries where ${inOrder}`)
    this.#pageOfSession = database.prepare(`select entry, started_at, json from entries where session = ?4 and ${inOrder}`)
  }

  /** Keeps a settled exchange, unless it is kept; takes the place of a recovered one. Within a transaction only. */
  keep({ kept, json }: StorableEntry): void {
    const parts = reportParts(kept)
    if (this.#add(kept, json, false)) return this.#sums.add(parts)
    const recovered = this.#find.get(kept.exchangeId)
    if (recovered === undefined) return
    this.#sums.subtract(reportParts(parseEntryJson(recovered['json'] as string)))
    this.#replace.run(...columnsOf(kept), json, kept.exchangeId)
    this.#sums.add(parts)
  }

  /** Keeps what stands for an exchange until it is settled after all. Within a transaction only. */
  keepRecovered(entry: LedgerEntry, json: string): void {
    if (this.#add(entry, json, true)) this.#sums.add(reportParts(entry))
  }

  /** The answer to a list. */
  list({ since = -Infinity, until = Infinity, id, session, limit }: ExchangeQuery): readonly LedgerEntry[] {
    const wantedSession = textOrNull(session)
    const most = rowLimit(limit)
    const rows =
      id !== undefined
        ? this.#byId.all(since, until, toStorableText(id), wantedSession, most)
        : wantedSession === null
          ? this.#newest.all(since, until, most)
          : this.#newestOfSession.all(since, until, wantedSession, most)
    return rows.map(({ json }) => parseEntryJson(json as string))
  }

  /** Entries that started within a range, of one session where it is given, in pages, so that others get their turn in between. */
  async *pages(since: number, until: number, session: string | undefined): AsyncGenerator<readonly LedgerEntry[]> {
    const wanted = textOrNull(session)
    let [startedAt, entry] = [since, -1]
    while (true) {
      const rows = await this.#database.read(() =>
        wanted === null ? this.#page.all(startedAt, entry, until) : this.#pageOfSession.all(startedAt, entry, until, wanted),
      )
      yield rows.map(({ json }) => parseEntryJson(json as string))
      const last = rows.at(-1)
      if (last === undefined || rows.length < pageRows) return
      ;[startedAt, entry] = [last['started_at'] as number, last['entry'] as number]
    }
  }

  #add(entry: LedgerEntry, json: string, isRecovered: boolean): boolean {
    return this.#insert.run(entry.exchangeId, ...columnsOf(entry), isRecovered ? 1 : 0, json).changes === 1
  }
}

const pageRows = 500

/** What entries are found by, in the order in which both statements name it. */
function columnsOf(entry: LedgerEntry): [startedAt: number, session: string | null, upstreamRequestId: string | null, messageId: string | null] {
  return [entry.startedAt, entry.attribution.session?.value ?? null, entry.upstreamRequestId ?? null, entry.messageId ?? null]
}

/** An entry whose text is storable, and its JSON. */
export interface StorableEntry {
  readonly kept: LedgerEntry
  readonly json: string
}

/** Makes an entry's text storable. Copies only where it must: all that the rule for text replaces shows as an escape. */
export function storableEntry(entry: LedgerEntry): StorableEntry {
  const json = toEntryJson(entry)
  if (!json.includes('\\u')) return { kept: entry, json }
  const kept = toStorableEntry(entry)
  return { kept, json: toEntryJson(kept) }
}
