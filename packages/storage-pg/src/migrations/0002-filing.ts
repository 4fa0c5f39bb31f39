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
const signed = sums.map((column) => `sign * ${column}`).join(', ')

/** How entries get in: functions, so that a batch is one round trip and one transaction. */
export const filingMigration: Migration = {
  version: 2,
  name: 'filing',
  minReader: 2,
  sql: `
create type {s}.part as (quarter integer, label uuid, account uuid, thread uuid, session text, agent text, ${sums.map((column) => `${column} ${column === 'cost' ? 'numeric' : 'bigint'}`).join(', ')});

create function {s}.hash_of(value text) returns uuid language sql immutable parallel safe
as $$ select encode(substring(sha256(convert_to(value, 'UTF8')) from 1 for 16), 'hex')::uuid $$;

-- By a query, since the caches that to_regclass asks may be behind what others have committed.
create function {s}.has_table(name text) returns boolean language sql volatile as $$
  select exists (select from pg_catalog.pg_class c where c.relname = name and c.relnamespace = '{s}'::regnamespace)
$$;

-- Makes a partition under a lock of its own. Attached rather than created in place: that leaves readers and writers of the table alone.
create function {s}.ensure_partition(parent text, suffix text, first integer, past integer) returns void language plpgsql as $$
declare
  name text := parent || '_' || suffix;
begin
  if {s}.has_table(name) then return; end if;
  perform pg_advisory_xact_lock(hashtextextended('{s}.partitions', 0));
  if {s}.has_table(name) then return; end if;
  execute format('create table {s}.%I (like {s}.%I including all)', name, parent);
  if parent <> 'entries' then execute format('alter table {s}.%I set (fillfactor = 80)', name); end if;
  execute format('alter table {s}.%I attach partition {s}.%I for values from (%s) to (%s)', parent, name, first, past);
end $$;

-- Where an entry of this day is kept, and the sums of what started then: they may be days apart.
create function {s}.ensure_day(day integer) returns void language sql as $$
  select {s}.ensure_partition('entries', to_char(date '1970-01-01' + day, 'YYYYMMDD'), day, day + 1)
$$;
create function {s}.ensure_month(day integer) returns void language plpgsql as $$
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
end $$;

-- What a part is counted under where kind and outcome are left out.
create function {s}.account_of(labels jsonb) returns jsonb language sql immutable parallel safe as $$ select jsonb_set(jsonb_set(labels, '{3}', 'null'), '{4}', 'null') $$;

-- The parts of documents, as what to add to the sums.
create function {s}.parts_of(documents jsonb, sign integer) returns setof {s}.part language sql stable as $$
  select (d->>'quarter')::integer, {s}.hash_of((p->'labels')::text), {s}.hash_of({s}.account_of(p->'labels')::text),
    {s}.hash_of(jsonb_build_array(d->'session', d->'agent')::text), d->>'session', d->>'agent', ${signed}
  from jsonb_array_elements(documents) d, jsonb_array_elements(d->'parts') p,
    jsonb_to_record(p->'sums') as s(${sums.map((column) => `${column} ${column === 'cost' ? 'numeric' : 'bigint'}`).join(', ')})
$$;

-- Adds to all sums, table by table and in order of their keys: whoever does the same at the same time never waits in a circle.
create function {s}.add_up(documents jsonb, parts {s}.part[]) returns void language plpgsql as $$
begin
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
  insert into {s}.spend_threads as f (period, label, thread, session, agent, ${columns})
    select quarter, label, thread, min(session), min(agent), ${summed} from unnest(parts) group by 1, 2, 3 order by 1, 2, 3
    on conflict (period, label, thread) do update set ${added('f')};
end $$;

-- Files documents, and counts those that were not filed before; answers with their ids. What was recovered gives way to the truth.
create function {s}.file_entries(documents jsonb, is_recovery boolean) returns text[] language plpgsql as $$
declare
  one_day integer;
  filed text[];
  replaced jsonb := '[]';
  fresh jsonb;
begin
  for one_day in select distinct (d->>'day')::integer from jsonb_array_elements(documents) d order by 1 loop perform {s}.ensure_day(one_day); end loop;
  for one_day in select distinct floor((d->>'quarter')::numeric / 96)::integer from jsonb_array_elements(documents) d order by 1 loop perform {s}.ensure_month(one_day); end loop;

  if not is_recovery then
    delete from {s}.provisional p using (
      select q.exchange_id from {s}.provisional q join jsonb_array_elements(documents) d on q.exchange_id = d->>'id' order by q.exchange_id for update of q
    ) settled where p.exchange_id = settled.exchange_id;
    with gone as (
      delete from {s}.recovered r using (
        select q.exchange_id from {s}.recovered q join jsonb_array_elements(documents) d on q.exchange_id = d->>'id' order by q.exchange_id for update of q
      ) settled where r.exchange_id = settled.exchange_id returning r.exchange_id, r.day, r.document
    ), emptied as (
      delete from {s}.entries e using gone where e.day = gone.day and e.exchange_id = gone.exchange_id
    ), released as (
      delete from {s}.foreign_ids f using gone where f.exchange_id = gone.exchange_id
    )
    select coalesce(jsonb_agg(document), '[]') into replaced from gone;
  end if;

  with own as (
    select d from jsonb_array_elements(documents) d
    where not (d->>'isForeign')::boolean and not exists (select from {s}.foreign_ids f where f.exchange_id = d->>'id')
  ), claimed as (
    insert into {s}.foreign_ids (exchange_id, day)
      select d->>'id', (d->>'day')::integer from jsonb_array_elements(documents) d where (d->>'isForeign')::boolean order by 1
      on conflict do nothing returning exchange_id
  ), candidates as (
    select d from own union all select d from jsonb_array_elements(documents) d join claimed on claimed.exchange_id = d->>'id'
  ), inserted as (
    insert into {s}.entries (day, exchange_id, started_at, session, agent, upstream_request_id, message_id, first_byte_millis, duration_millis, labels, entry)
      select (d->>'day')::integer, d->>'id', (d->>'startedAt')::bigint, d->>'session', d->>'agent', d->>'upstreamRequestId', d->>'messageId',
        (d->>'firstByteMillis')::double precision, (d->>'durationMillis')::double precision,
        array(select {s}.hash_of((p->'labels')::text) from jsonb_array_elements(d->'parts') with ordinality as parts(p, at) order by at), d->>'entry'
      from candidates order by 1, 2
      on conflict do nothing returning exchange_id
  )
  select coalesce(array_agg(exchange_id), '{}') into filed from inserted;

  select coalesce(jsonb_agg(d - 'entry'), '[]') into fresh from jsonb_array_elements(documents) d where d->>'id' = any(filed);
  if is_recovery then
    insert into {s}.recovered (exchange_id, day, document) select d->>'id', (d->>'day')::integer, d from jsonb_array_elements(fresh) d;
  end if;
  if jsonb_array_length(fresh) > 0 or jsonb_array_length(replaced) > 0 then
    perform {s}.add_up(fresh, array(select p from {s}.parts_of(fresh, 1) p union all select p from {s}.parts_of(replaced, -1) p));
  end if;
  return filed;
end $$;

-- Keeps what begins, unless it has ended already.
create function {s}.open_entries(documents jsonb) returns void language sql as $$
  insert into {s}.provisional (exchange_id, owner, document)
    select d->>'id', d->>'owner', d - 'owner' from jsonb_array_elements(documents) d
    where not exists (select from {s}.foreign_ids f where f.exchange_id = d->>'id')
      and not exists (select from {s}.entries e where e.day = (d->>'day')::integer and e.exchange_id = d->>'id')
    order by 1
    on conflict do nothing
$$;

-- Files what dead owners have left; answers with the entries. Rows that another caller is at are left to it.
create function {s}.recover_entries(instant bigint, most integer) returns text language plpgsql as $$
declare
  documents jsonb;
  filed text[];
begin
  with picked as (
    select p.exchange_id from {s}.provisional p
    where not exists (select from {s}.owners o where o.owner = p.owner and o.alive_until > instant)
    order by p.opened_at, p.exchange_id limit most for update skip locked
  ), gone as (
    delete from {s}.provisional p using picked where p.exchange_id = picked.exchange_id returning p.document
  )
  select coalesce(jsonb_agg(document), '[]') into documents from gone;
  filed := {s}.file_entries(documents, true);
  return (select coalesce(jsonb_agg(d->>'entry'), '[]')::text from jsonb_array_elements(documents) d where d->>'id' = any(filed));
end $$;

-- Names of partitions that hold nothing from these days on, entries' and sums'; sums are kept without end where the second is null.
create function {s}.expired_partitions(first_day integer, first_rollup_day integer) returns text language sql stable as $$
  select coalesce(jsonb_agg(p.name order by p.name) filter (where p.is_expired), '[]')::text from (
    select c.relname as name,
      case when i.inhparent = '{s}.entries'::regclass then to_date(right(c.relname, 8), 'YYYYMMDD') + 1 <= date '1970-01-01' + first_day
        else to_date(right(c.relname, 6), 'YYYYMM') + interval '1 month' <= date '1970-01-01' + first_rollup_day end as is_expired
    from pg_catalog.pg_inherits i join pg_catalog.pg_class c on c.oid = i.inhrelid
    where c.relkind = 'r' and i.inhparent in (
      '{s}.entries'::regclass, '{s}.spend_days'::regclass, '{s}.spend_hours'::regclass, '{s}.spend_days_by_kind'::regclass, '{s}.spend_threads'::regclass
    )
  ) p
$$;

-- Drops an expired partition. Gives up where readers keep it longer than half a second: whoever came after would wait behind this.
create function {s}.drop_partition(name text) returns text language plpgsql as $$
begin
  set local lock_timeout = '500ms';
  if not {s}.has_table(name) then return 'true'; end if;
  perform pg_advisory_xact_lock(hashtextextended('{s}.partitions', 0));
  if name ~ '^entries_[0-9]{8}$' then
    insert into {s}.horizon as h (first_day) values (to_date(right(name, 8), 'YYYYMMDD') - date '1970-01-01' + 1)
      on conflict (only_row) do update set first_day = greatest(h.first_day, excluded.first_day);
  end if;
  execute format('drop table if exists {s}.%I', name);
  return 'true';
exception when lock_not_available then return 'false';
end $$;
`,
}
