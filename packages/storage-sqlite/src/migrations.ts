/**
 * The schema, step by step; the number of a step is its place, counted from 1. A step that has been released is never changed.
 *
 * Instants and token counts are `real`, as the numbers of the ports are; SQLite keeps whole ones as compactly as integers. Money is exact: as text, or as whole
 * dollars and nano-dollars apart, whose sums stay far below 2^63.
 */
export const migrations: readonly string[] = [
  // 1: the ledger.
  `
  create table entries (
    entry integer primary key,
    exchange_id text not null unique,
    started_at real not null,
    session text,
    upstream_request_id text,
    message_id text,
    -- 1 while only what was kept provisionally stands for the exchange.
    is_recovered integer not null,
    json text not null
  ) strict;
  create index entries_by_start on entries (started_at);
  create index entries_by_session on entries (session, started_at) where session is not null;
  create index entries_by_request on entries (upstream_request_id) where upstream_request_id is not null;
  create index entries_by_message on entries (message_id) where message_id is not null;

  create table provisional (
    opened integer primary key,
    exchange_id text not null unique,
    owner text not null,
    json text not null
  ) strict;

  -- What exchanges can be told apart by, once per combination.
  create table facets (
    facet integer primary key,
    digest blob not null unique,
    session text, developer text, repository text, model text, agent text, kind text, outcome text, key text, scope text,
    organisation text, business_unit text, sub_business_unit text, cost_centre text
  ) strict;
  create table quarter_sums (
    start integer not null,
    facet integer not null,
    usd integer not null, nano_usd integer not null,
    exchanges integer not null, unpriced integer not null, partial integer not null,
    leading_exchanges integer not null, leading_unpriced integer not null, leading_partial integer not null,
    fresh_input real not null, cache_read real not null, cache_write_5m real not null, cache_write_1h real not null, output real not null,
    web_searches real not null, web_fetches real not null,
    primary key (start, facet)
  ) strict, without rowid;
  -- By day of UTC, without sessions and agents.
  create table day_sums (
    start integer not null,
    facet integer not null,
    usd integer not null, nano_usd integer not null,
    exchanges integer not null, unpriced integer not null, partial integer not null,
    leading_exchanges integer not null, leading_unpriced integer not null, leading_partial integer not null,
    fresh_input real not null, cache_read real not null, cache_write_5m real not null, cache_write_1h real not null, output real not null,
    web_searches real not null, web_fetches real not null,
    primary key (start, facet)
  ) strict, without rowid;
  `,
  // 2: scopes, keys, secrets, audit.
  `
  create table scopes (
    path text primary key,
    level text not null,
    created_at real not null,
    archived_at real
  ) strict, without rowid;
  create table keys (
    id text primary key,
    scope text not null,
    json text not null
  ) strict, without rowid;
  create table secrets (
    name text primary key,
    value text not null
  ) strict, without rowid;
  create table audit (
    sequence integer primary key,
    hash text not null,
    subject text not null,
    json text not null
  ) strict;
  create index audit_by_subject on audit (subject, sequence);
  `,
  // 3: budgets and limits.
  `
  create table budgets (
    id text primary key,
    version real not null,
    json text not null
  ) strict, without rowid;
  -- What is spent, by bucket, and beside it what is held: one page for both.
  create table pots (
    account text not null,
    kind text not null check (kind in ('held', 'spent')),
    bucket real not null,
    amount text not null,
    primary key (account, kind, bucket)
  ) strict, without rowid;
  create table holds (
    hold_id text primary key,
    expires_at real not null,
    lines text not null
  ) strict, without rowid;
  create table ended_holds (
    hold_id text primary key,
    ended_at real not null,
    -- What was booked; null once it is settled.
    lines text
  ) strict, without rowid;
  create index ended_holds_by_end on ended_holds (ended_at);
  create table thresholds (
    account text not null,
    bucket real not null,
    percent real not null,
    primary key (account, bucket, percent)
  ) strict, without rowid;

  create table limits (
    id text primary key,
    version real not null,
    json text not null
  ) strict, without rowid;
  create table rates (
    bucket text primary key,
    -- What was taken and has not filled up again, times per_millis: beyond 2^63 where money is counted.
    missing text not null,
    capacity real not null,
    per_millis real not null,
    at real not null,
    full_at real not null
  ) strict, without rowid;
  create table places (
    room text not null,
    holder text not null,
    expires_at real not null,
    primary key (room, holder)
  ) strict, without rowid;
  `,
  // 4: routing policies.
  `
  create table policies (
    version text primary key,
    document text not null
  ) strict;
  create table policy_publications (
    sequence integer primary key,
    version text not null,
    json text not null
  ) strict;
  `,
  // 5: since when entries are kept whole.
  `
  create table horizon (
    only_row integer primary key check (only_row = 1),
    started_at real not null
  ) strict;
  `,
  // 6: what is under way, in rows that serve again and again. An exchange that is in the ledger is not under way, whatever row it had.
  `
  create table provisional_slots (
    slot integer primary key,
    exchange_id text not null,
    owner text not null,
    json text not null
  ) strict;
  insert into provisional_slots (exchange_id, owner, json) select exchange_id, owner, json from provisional order by opened;
  drop table provisional;
  `,
]
