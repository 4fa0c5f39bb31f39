import type { Migration } from './migration.ts'

const sums = [
  'exchanges',
  'unpriced',
  'partial',
  'leading_exchanges',
  'leading_unpriced',
  'leading_partial',
  'fresh_input',
  'cache_read',
  'cache_write_5m',
  'cache_write_1h',
  'output',
  'web_search',
  'web_fetch',
  'cost',
] as const

const columns = sums.join(', ')
const summed = sums.map((column) => `sum(${column})`).join(', ')
const added = (table: string): string => sums.map((column) => `${column} = ${table}.${column} + excluded.${column}`).join(', ')
const sessionHash = `{s}.hash_of(coalesce(to_jsonb(session)::text, 'null'))`

/**
 * Sums by day and session, without agent, kind and outcome: what a report of months by session reads in place of quarters of an hour. Replicas of the versions before fill
 * them too, since they add up by the function that is replaced here. Days before the migration are filled one at a time, by `maintain`.
 */
export const sessionMigration: Migration = {
  version: 8,
  name: 'sessions',
  minReader: 5,
  sql: `
create table {s}.spend_sessions (
  period integer not null,
  label uuid not null,
  thread uuid not null,
  session text collate "C",
  ${sums.map((column) => `${column} ${column === 'cost' ? 'numeric' : 'bigint'} not null`).join(',\n  ')},
  primary key (period, label, thread)
) partition by range (period);

-- For the months that are there; nobody makes one meanwhile. In this order: who makes a partition may yet write, and who writes makes none.
select pg_advisory_xact_lock(hashtextextended('{s}.partitions', 0));
select {s}.ensure_partition('spend_sessions', m.suffix, m.month - date '1970-01-01', (m.month + interval '1 month')::date - date '1970-01-01') from (
  select right(c.relname, 6) as suffix, to_date(right(c.relname, 6), 'YYYYMM') as month
  from pg_catalog.pg_inherits i join pg_catalog.pg_class c on c.oid = i.inhrelid where i.inhparent = '{s}.spend_threads'::regclass order by 1
) m;

-- Whoever has begun to write ends first, and whoever comes after adds up by the new function: nothing is in the finer sums alone but what is there now.
lock table only {s}.entries in share mode;

-- The first day that has these sums, and all days after it; without a row all have them.
create table {s}.sessions_since (only_row boolean primary key default true check (only_row), first_day integer not null);
insert into {s}.sessions_since (first_day) select floor(t.period / 96.0)::integer + 1 from {s}.spend_threads t order by t.period desc limit 1;

create or replace function {s}.ensure_month(day integer) returns void language plpgsql as $$
declare
  month date := date_trunc('month', (date '1970-01-01' + day)::timestamp)::date;
  suffix text := to_char(month, 'YYYYMM');
  first integer := month - date '1970-01-01';
  past integer := (month + interval '1 month')::date - date '1970-01-01';
begin
  perform {s}.ensure_partition('spend_days', suffix, first, past);
  perform {s}.ensure_partition('spend_hours', suffix, first * 24, past * 24);
  perform {s}.ensure_partition('spend_days_by_kind', suffix, first, past);
  perform {s}.ensure_partition('spend_threads', suffix, first * 96, past * 96);
  perform {s}.ensure_partition('spend_sessions', suffix, first, past);
end $$;

-- Adds to all sums, table by table and in order of their keys: whoever does the same at the same time never waits in a circle.
create or replace function {s}.add_up(documents jsonb, parts {s}.part[]) returns void language plpgsql as $$
declare
  since integer;
  one_day integer;
begin
  -- Made with those of the other sums, unless these were just being made by the function of the version before. While no sum is locked.
  for one_day in select distinct floor(quarter / 96.0)::integer from unnest(parts) order by 1 loop
    if not {s}.has_table('spend_sessions_' || to_char(date '1970-01-01' + one_day, 'YYYYMM')) then perform {s}.ensure_month(one_day); end if;
  end loop;
  insert into {s}.labels
    select distinct on (1) {s}.hash_of(l.labels::text), l.labels->>0, l.labels->>1, l.labels->>2, l.labels->>3, l.labels->>4, l.labels->>5,
      l.labels->>6, l.labels->>7, l.labels->>8, l.labels->>9, l.labels->>10
    from jsonb_array_elements(documents) d, jsonb_array_elements(d->'parts') p, unnest(array[p->'labels', {s}.account_of(p->'labels')]) as l(labels) order by 1
    on conflict do nothing;
  insert into {s}.spend_days as f (period, label, ${columns})
    select floor(quarter / 96.0)::integer, account, ${summed} from unnest(parts) group by 1, 2 order by 1, 2
    on conflict (period, label) do update set ${added('f')};
  insert into {s}.spend_hours as f (period, label, ${columns})
    select floor(quarter / 4.0)::integer, account, ${summed} from unnest(parts) group by 1, 2 order by 1, 2
    on conflict (period, label) do update set ${added('f')};
  insert into {s}.spend_days_by_kind as f (period, label, ${columns})
    select floor(quarter / 96.0)::integer, label, ${summed} from unnest(parts) group by 1, 2 order by 1, 2
    on conflict (period, label) do update set ${added('f')};
  select s.first_day into since from {s}.sessions_since s;
  if exists (select from unnest(parts) where floor(quarter / 96.0) < since) then
    -- Days that are still to be filled, from the finer sums: those stand still meanwhile. Whoever has filled one in between has said so.
    perform pg_advisory_xact_lock_shared(hashtextextended('{s}.sessions', 0));
    select s.first_day into since from {s}.sessions_since s;
  end if;
  insert into {s}.spend_threads as f (period, label, thread, session, agent, ${columns})
    select quarter, label, thread, min(session), min(agent), ${summed} from unnest(parts) group by 1, 2, 3 order by 1, 2, 3
    on conflict (period, label, thread) do update set ${added('f')};
  insert into {s}.spend_sessions as f (period, label, thread, session, ${columns})
    select floor(quarter / 96.0)::integer, account, ${sessionHash}, min(session), ${summed} from unnest(parts)
      where since is null or floor(quarter / 96.0) >= since group by 1, 2, 3 order by 1, 2, 3
    on conflict (period, label, thread) do update set ${added('f')};
end $$;

-- Fills the newest day that is still to be filled. Answers whether there may be more. Whoever adds to such a day waits for as long as one takes; nobody else does.
create function {s}.fill_sessions() returns text language plpgsql as $$
declare
  since integer;
  day integer;
begin
  if not exists (select from {s}.sessions_since) then return 'false'; end if;
  if not pg_try_advisory_xact_lock(hashtextextended('{s}.fill_sessions', 0)) then return 'false'; end if;
  select s.first_day into since from {s}.sessions_since s;
  select floor(t.period / 96.0)::integer into day from {s}.spend_threads t where t.period < since::bigint * 96 order by t.period desc limit 1;
  -- Before anybody waits for this one: sums of an old month may have expired by half.
  if day is not null then perform {s}.ensure_month(day); end if;
  perform pg_advisory_xact_lock(hashtextextended('{s}.sessions', 0));
  select floor(t.period / 96.0)::integer into day from {s}.spend_threads t where t.period < since::bigint * 96 order by t.period desc limit 1;
  if day is null then
    delete from {s}.sessions_since;
    return 'false';
  end if;
  with accounts as materialized (
    select l.id as label, {s}.hash_of(jsonb_build_array(
        l.developer, l.repository, l.model, null, null, l.key, l.scope, l.organisation, l.business_unit, l.sub_business_unit, l.cost_centre)::text) as account
    from {s}.labels l where l.id in (select t.label from {s}.spend_threads t where t.period >= day * 96 and t.period < (day + 1) * 96)
  )
  insert into {s}.spend_sessions (period, label, thread, session, ${columns})
    select day, account, ${sessionHash}, session, ${summed} from {s}.spend_threads t join accounts using (label)
    where t.period >= day * 96 and t.period < (day + 1) * 96 group by account, session;
  update {s}.sessions_since set first_day = day;
  return 'true';
end $$;

create or replace function {s}.expired_partitions(first_day integer, first_rollup_day integer) returns text language sql stable as $$
  select coalesce(jsonb_agg(p.name order by p.name) filter (where p.is_expired), '[]')::text from (
    select c.relname as name,
      case when i.inhparent = '{s}.entries'::regclass then to_date(right(c.relname, 8), 'YYYYMMDD') + 1 <= date '1970-01-01' + first_day
        else to_date(right(c.relname, 6), 'YYYYMM') + interval '1 month' <= date '1970-01-01' + first_rollup_day end as is_expired
    from pg_catalog.pg_inherits i join pg_catalog.pg_class c on c.oid = i.inhrelid
    where c.relkind = 'r' and i.inhparent in (
      '{s}.entries'::regclass, '{s}.spend_days'::regclass, '{s}.spend_hours'::regclass, '{s}.spend_days_by_kind'::regclass, '{s}.spend_threads'::regclass,
      '{s}.spend_sessions'::regclass
    )
  ) p
$$;
`,
}
