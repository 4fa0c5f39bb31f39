import type { Migration } from './migration.ts'

const sums = `
  exchanges bigint not null,
  unpriced bigint not null,
  partial bigint not null,
  leading_exchanges bigint not null,
  leading_unpriced bigint not null,
  leading_partial bigint not null,
  fresh_input bigint not null,
  cache_read bigint not null,
  cache_write_5m bigint not null,
  cache_write_1h bigint not null,
  output bigint not null,
  web_search bigint not null,
  web_fetch bigint not null,
  cost numeric not null`

/**
 * Tables of the ledger. All time zones in use are whole quarters of an hour from UTC, so that sums by quarter are exact by hour and day in each of them.
 */
export const ledgerMigration: Migration = {
  version: 1,
  name: 'ledger',
  minReader: 1,
  sql: `
-- One row an exchange, whole, in a partition a day: a day expires by dropping its table.
-- The day is that of the time in the exchange's id, so that one id has one partition, which keeps it unique there.
create table {s}.entries (
  day integer not null,
  exchange_id text collate "C" not null,
  started_at bigint not null,
  session text collate "C",
  agent text collate "C",
  upstream_request_id text collate "C",
  message_id text collate "C",
  first_byte_millis double precision,
  duration_millis double precision,
  labels uuid[] not null,
  entry text not null,
  primary key (day, exchange_id)
) partition by range (day);
create index entries_by_start on {s}.entries (started_at, exchange_id);
-- Of hashes: a btree refuses long values, and clients choose these.
create index entries_by_session on {s}.entries (hashtextextended(session, 0), started_at) where session is not null;
create index entries_by_request on {s}.entries (hashtextextended(upstream_request_id, 0)) where upstream_request_id is not null;
create index entries_by_message on {s}.entries (hashtextextended(message_id, 0)) where message_id is not null;

-- Ids that do not carry their time: they are unique here.
create table {s}.foreign_ids (exchange_id text collate "C" primary key, day integer not null);
create index foreign_ids_by_day on {s}.foreign_ids (day);

-- What an exchange is counted under, but for session, agent and time.
create table {s}.labels (
  id uuid primary key,
  developer text collate "C",
  repository text collate "C",
  model text collate "C",
  kind text collate "C",
  outcome text collate "C",
  key text collate "C",
  scope text collate "C",
  organisation text collate "C",
  business_unit text collate "C",
  sub_business_unit text collate "C",
  cost_centre text collate "C"
);

-- Sums, from coarse to fine. A period is a number since the epoch: of days of UTC, hours, or quarters of an hour.
-- The first two leave kind and outcome out (their labels have none), which makes them small enough to sum a month in no time.
create table {s}.spend_days (period integer not null, label uuid not null,${sums}, primary key (period, label)) partition by range (period);
create table {s}.spend_hours (period integer not null, label uuid not null,${sums}, primary key (period, label)) partition by range (period);
create table {s}.spend_days_by_kind (period integer not null, label uuid not null,${sums}, primary key (period, label)) partition by range (period);
-- By quarter, and told apart by session and agent; thread is the hash of both.
create table {s}.spend_threads (
  period integer not null,
  label uuid not null,
  thread uuid not null,
  session text collate "C",
  agent text collate "C",${sums},
  primary key (period, label, thread)
) partition by range (period);
create index spend_threads_by_session on {s}.spend_threads (hashtextextended(session, 0), period);

-- Exchanges that have begun: what they are to count as if nobody settles them.
create table {s}.provisional (exchange_id text collate "C" primary key, owner text collate "C" not null, opened_at timestamptz not null default clock_timestamp(), document jsonb not null);
create index provisional_by_age on {s}.provisional (opened_at);
create table {s}.owners (owner text collate "C" primary key, alive_until bigint not null);
-- What was counted for them, as long as the truth may still come.
create table {s}.recovered (exchange_id text collate "C" primary key, day integer not null, document jsonb not null);
create index recovered_by_day on {s}.recovered (day);

-- The oldest day whose entries are kept.
create table {s}.horizon (only_row boolean primary key default true check (only_row), first_day integer not null);
`,
}
