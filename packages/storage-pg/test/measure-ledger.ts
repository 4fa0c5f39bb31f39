import type { Ledger, ReportQuery } from '@sluice/core'
import { sampleEntry } from '@sluice/core/testing'
import pg from 'pg'
import { migrate, pgStore } from '../src/index.ts'
import { postgresBinaries, startPostgres } from './postgres.ts'

/**
 * Reports and expiry over ten million exchanges in thirty days, of 500 developers in 200 repositories, made by SQL: what a report of a month costs, how long a day takes
 * to expire, and how many entries a second are appended meanwhile.
 * Run: node --conditions=sluice-source packages/storage-pg/test/measure-ledger.ts [exchanges]
 */
const exchanges = Number(process.argv[2] ?? 10_000_000)
const [days, firstDay] = [30, Math.floor(Date.UTC(2026, 9, 1) / 86_400_000)]
const binaries = postgresBinaries()
if (binaries === undefined) throw new Error('PostgreSQL is not installed here.')
const server = await startPostgres(binaries, ['shared_buffers=2GB', 'max_wal_size=4GB'])
const pool = new pg.Pool({ connectionString: await server.createDatabase(), max: 10 })
await migrate(pool)
const store = pgStore(pool)

await pool.query('select sluice.ensure_month(d), sluice.ensure_day(d) from generate_series($1::integer, $2::integer) d', [
  String(firstDay),
  String(firstDay + days - 1),
])
await pool.query(`
  insert into sluice.labels (id, developer, repository, model, key, scope, organisation, business_unit)
    select sluice.hash_of(d || '/' || r || '/' || m), 'developer-' || d, 'acme/repository-' || ((d * 7 + r * 31) % 200),
      (array['claude-opus-5-5', 'claude-sonnet-5-5', 'claude-haiku-5-5'])[m + 1], 'key-' || d, 'acme/unit-' || (d % 12) || '/developer-' || d, 'acme', 'acme/unit-' || (d % 12)
    from generate_series(0, 499) d, generate_series(0, 5) r, generate_series(0, 2) m;
  insert into sluice.labels (id, developer, repository, model, kind, outcome, key, scope, organisation, business_unit)
    select sluice.hash_of(d || '/' || r || '/' || m || '/' || k || '/' || o), 'developer-' || d, 'acme/repository-' || ((d * 7 + r * 31) % 200),
      (array['claude-opus-5-5', 'claude-sonnet-5-5', 'claude-haiku-5-5'])[m + 1], (array['main', 'sub-agent', 'title'])[k + 1], (array['completed', 'client-gone'])[o + 1],
      'key-' || d, 'acme/unit-' || (d % 12) || '/developer-' || d, 'acme', 'acme/unit-' || (d % 12)
    from generate_series(0, 499) d, generate_series(0, 5) r, generate_series(0, 2) m, generate_series(0, 2) k, generate_series(0, 1) o;
  -- As sums by session know them, by the hash of what they say.
  insert into sluice.labels (id, developer, repository, model, key, scope, organisation, business_unit)
    select distinct sluice.hash_of(jsonb_build_array(developer, repository, model, null, null, key, scope, organisation, business_unit, null, null)::text),
      developer, repository, model, key, scope, organisation, business_unit from sluice.labels where kind is null;
`)
const text = JSON.stringify({
  exchangeId: 'ex_1',
  startedAt: firstDay * 86_400_000,
  endedAt: firstDay * 86_400_000 + 2_000,
  outcome: { kind: 'completed' },
  attribution: {
    kind: { value: 'main', source: 'header' },
    developer: { value: 'developer-1', source: 'key' },
    repository: { value: 'acme/web', source: 'header' },
  },
  usage: { source: 'final', lines: [] },
  cost: { state: 'priced', nanoUsd: '500000', lines: [] },
})
const literal = `'${text}'`
const perDay = Math.ceil(exchanges / days)
const started = performance.now()
for (let day = firstDay; day < firstDay + days; day += 1) {
  const client = await pool.connect()
  await client.query(`
    create temporary table made as
      select n, d, least(r + (${day} % 3) * 2, 5) as r, at, 's-' || d || '-${day}-' || (at / 1800000) as session, case when k = 1 then 'a-' || (n % 3) end as agent,
        sluice.hash_of(d || '/' || least(r + (${day} % 3) * 2, 5) || '/' || m || '/' || k || '/' || o) as label, sluice.hash_of(d || '/' || least(r + (${day} % 3) * 2, 5) || '/' || m) as account, (500000 + n % 40000000)::bigint as cost
      from (
        select n, (hashint8(n) & 2147483647) % 500 as d, (hashint8(n * 3 + 1) & 1) as r, case when hashint8(n * 5) & 7 < 5 then 0 when hashint8(n * 5) & 7 < 7 then 1 else 2 end as m,
          case when hashint8(n * 7) & 7 < 5 then 0 when hashint8(n * 7) & 7 < 7 then 1 else 2 end as k, case when hashint8(n * 11) & 31 = 0 then 1 else 0 end as o,
          ${day}::bigint * 86400000 + 25200000 + ((hashint8(n * 13) & 2147483647) % 43200000) as at
        from generate_series(${day}::bigint * 1000000, ${day}::bigint * 1000000 + ${perDay} - 1) n
      ) x;
    insert into sluice.entries select ${day}, 'ex_' || n, at, session, agent, 'req_' || n, 'msg_' || n, 400 + n % 900, 2000 + n % 30000, array[label], ${literal} from made;
    insert into sluice.spend_days select ${day}, account, count(*), 0, 0, count(*), 0, 0, sum(n % 900), sum(n % 90000), 0, 0, sum(n % 700), 0, 0, sum(cost) from made group by account;
    insert into sluice.spend_hours select at / 3600000, account, count(*), 0, 0, count(*), 0, 0, sum(n % 900), sum(n % 90000), 0, 0, sum(n % 700), 0, 0, sum(cost) from made group by 1, 2;
    insert into sluice.spend_days_by_kind select ${day}, label, count(*), 0, 0, count(*), 0, 0, sum(n % 900), sum(n % 90000), 0, 0, sum(n % 700), 0, 0, sum(cost) from made group by label;
    insert into sluice.spend_threads select at / 900000, label, sluice.hash_of(session || coalesce(agent, '')), session, agent, count(*), 0, 0, count(*), 0, 0, sum(n % 900), sum(n % 90000), 0, 0, sum(n % 700), 0, 0, sum(cost)
      from made group by 1, 2, 3, 4, 5;
    drop table made;
  `)
  client.release()
}
console.log(`made in ${Math.round((performance.now() - started) / 1_000)} s`)
// As a ledger that is older than its sums by session: maintenance fills them, a day a transaction.
await pool.query('insert into sluice.sessions_since (first_day) values ($1)', [firstDay + days])
const filling = performance.now()
for (let isMore = true; isMore;) isMore = (await pool.query<{ result: string }>('select sluice.fill_sessions() as result')).rows[0]?.result === 'true'
console.log(`sums by session filled: ${Math.round((performance.now() - filling) / days)} ms a day`)
await pool.query('vacuum (analyze)')
const { rows: counts } = await pool.query(`
  select (select count(*) from sluice.entries)::text as entries, (select count(*) from sluice.spend_days)::text as days, (select count(*) from sluice.spend_hours)::text as hours, (select count(*) from sluice.spend_days_by_kind)::text as days_by_kind,
    (select count(*) from sluice.spend_threads)::text as threads, (select count(*) from sluice.spend_sessions)::text as sessions, (select count(*) from sluice.labels)::text as labels,
    pg_size_pretty(sum(pg_total_relation_size(c.oid)) filter (where c.relname like 'entries_2%')) as entries_size,
    pg_size_pretty(sum(pg_total_relation_size(c.oid)) filter (where c.relname like 'spend_threads_2%')) as threads_size,
    pg_size_pretty(sum(pg_total_relation_size(c.oid)) filter (where c.relname like 'spend_sessions_2%')) as sessions_size,
    pg_size_pretty(sum(pg_total_relation_size(c.oid)) filter (where c.relname like 'spend_hours_2%')) as hours_size,
    pg_size_pretty(sum(pg_total_relation_size(c.oid)) filter (where c.relname like 'spend_days_2%')) as days_size
  from pg_class c where c.relnamespace = 'sluice'::regnamespace`)
console.log(counts[0])

const [since, until] = [firstDay * 86_400_000, (firstDay + days) * 86_400_000]
const twoHours = 2 * 3_600_000
async function timed(ledger: Ledger, what: string, query: ReportQuery): Promise<void> {
  const millis: number[] = []
  let rows = 0
  for (let run = 0; run < 7; run += 1) {
    const from = performance.now()
    rows = (await ledger.report(query)).length
    millis.push(performance.now() - from)
  }
  const sorted = millis.toSorted((left, right) => left - right)
  console.log(`${what}: median ${Math.round(sorted[3] as number)} ms, worst ${Math.round(sorted[6] as number)} ms, ${rows} rows`)
}
const month = { since, until }
await timed(store.ledger, 'month by developer and repository', { groupBy: ['developer', 'repository'], ...month })
await timed(store.ledger, 'month by developer and repository, Berlin month', {
  groupBy: ['developer', 'repository'],
  since: since - twoHours,
  until: until - twoHours,
})
await timed(store.ledger, 'month by developer and repository, odd edges', {
  groupBy: ['developer', 'repository'],
  since: since + 12 * 3_600_000 + 77_777,
  until: until - 11 * 3_600_000 + 99_999,
})
await timed(store.ledger, 'month by business unit and model', { groupBy: ['businessUnit', 'model'], ...month })
await timed(store.ledger, 'month by day of UTC', { groupBy: ['day'], ...month })
await timed(store.ledger, 'month by day of Berlin and developer', { groupBy: ['day', 'developer'], timeZone: 'Europe/Berlin', ...month })
await timed(store.ledger, 'month by kind and outcome', { groupBy: ['kind', 'outcome'], ...month })
await timed(store.ledger, 'day by hour', { groupBy: ['hour'], since: since + 7 * 86_400_000, until: since + 8 * 86_400_000 })
await timed(store.ledger, 'month of one developer by repository', { groupBy: ['repository'], where: { developer: 'developer-7' }, ...month })
await timed(store.ledger, 'month of one session', {
  groupBy: ['model'],
  where: { session: `s-7-${firstDay + 3}-${Math.floor(((firstDay + 3) * 86_400_000 + 36_000_000) / 1_800_000)}` },
  ...month,
})
await timed(store.ledger, 'day by session', { groupBy: ['session'], since: since + 7 * 86_400_000, until: since + 8 * 86_400_000 })
await timed(store.ledger, 'month by session', { groupBy: ['session'], ...month })
await timed(store.ledger, 'month by session, the dearest hundred', { groupBy: ['session'], limit: 100, ...month })
await timed(store.ledger, 'month by session, developer and repository, the dearest hundred', {
  groupBy: ['session', 'developer', 'repository'],
  limit: 100,
  ...month,
})
const listing = performance.now()
await store.ledger.exchanges({ limit: 50 })
console.log(`newest 50 exchanges: ${Math.round(performance.now() - listing)} ms`)
const finding = performance.now()
await store.ledger.exchanges({ id: `req_${(firstDay + 9) * 1_000_000 + 5}` })
console.log(`an exchange by its request id: ${Math.round(performance.now() - finding)} ms`)

let appended = 0
const appending = performance.now()
await Promise.all(
  Array.from({ length: 400 }, async (_, caller) => {
    for (let index = 0; index < 50; index += 1) {
      const startedAt = until - 86_400_000 + 40_000_000 + index
      await store.ledger.append(
        sampleEntry({
          exchangeId: `ex_new_${caller}_${index}`,
          startedAt,
          labels: { session: `new-${caller}`, developer: `developer-${caller}`, repository: 'acme/web' },
        }),
      )
      appended += 1
    }
  }),
)
console.log(`appended ${Math.round(appended / ((performance.now() - appending) / 1_000))} entries a second, one process of 400 callers`)

const expiring = performance.now()
const { dropped } = await pgStore(pool, { retentionDays: days - 1 }).maintain(until)
console.log(`expiry of ${dropped.join(', ')}: ${Math.round(performance.now() - expiring)} ms`)
await timed(store.ledger, 'month by developer and repository, after the expiry', { groupBy: ['developer', 'repository'], ...month })
await store.close()
pool.on('error', () => undefined)
await pool.end()
await server.stop()
