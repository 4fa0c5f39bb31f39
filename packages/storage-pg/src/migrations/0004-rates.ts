import type { Migration } from './migration.ts'

/** Rates and places. Who counts in a bucket or a room has a lock of its name, taken in order; arithmetic is that of core's token bucket, in whole numbers. */
export const rateMigration: Migration = {
  version: 4,
  name: 'rates',
  minReader: 4,
  sql: `
create table {s}.rate_limits (id text collate "C" primary key, version integer not null, rate_limit text not null);
-- Missing is what was taken and has not filled up again, times per_millis.
create table {s}.rate_buckets (bucket text collate "C" primary key, missing numeric not null, capacity numeric not null, per_millis numeric not null, at bigint not null) with (fillfactor = 70);
create table {s}.rate_places (room text collate "C" not null, holder text collate "C" not null, expires_at bigint not null, primary key (room, holder));

create function {s}.lock_names(kind text, names text[]) returns void language plpgsql as $$
begin
  perform pg_advisory_xact_lock(k.key) from (select distinct hashtextextended('{s}.' || kind || '.' || n.name, 0) as key from unnest(names) n(name) order by 1) k;
end $$;

-- Takes from all buckets or none; a charge takes regardless. Answers [[is_allowed, remaining, retry_after_millis or null for never], ...].
create function {s}.take_rates(names text[], amounts numeric[], capacities numeric[], periods numeric[], instant bigint, is_charge boolean) returns text language plpgsql as $$
declare
  answer text;
begin
  perform {s}.lock_names('rate', names);
  with claims as (
    select * from unnest(names, amounts, capacities, periods) with ordinality as u(bucket, amount, capacity, per_millis, place)
  ), filled as (
    select c.*, greatest(instant, coalesce(b.at, instant)) as since, coalesce(b.per_millis, c.per_millis) as kept_period,
      coalesce(greatest(b.missing - greatest(instant - b.at, 0) * b.capacity, 0), 0) as kept_missing
    from claims c left join {s}.rate_buckets b on b.bucket = c.bucket
  ), scaled as (
    select *, case when kept_period = per_millis then kept_missing else div(kept_missing * per_millis + kept_period - 1, kept_period) end as missing from filled
  ), judged as (
    select *, missing + amount * per_millis - capacity * per_millis as lacking from scaled
  ), taken as (
    select *, case when is_charge or bool_and(lacking <= 0) over () then greatest(missing + amount * per_millis, 0) else missing end as after from judged
  ), kept as (
    insert into {s}.rate_buckets as b (bucket, missing, capacity, per_millis, at)
      select bucket, after, capacity, per_millis, since from taken order by bucket collate "C"
      on conflict (bucket) do update set missing = excluded.missing, capacity = excluded.capacity, per_millis = excluded.per_millis, at = excluded.at
  )
  select coalesce(jsonb_agg(jsonb_build_array(lacking <= 0, capacity - div(after + per_millis - 1, per_millis),
    case when lacking <= 0 then 0 when amount > capacity or capacity = 0 then null else since - instant + div(lacking + capacity - 1, capacity) end) order by place), '[]')::text
    into answer from taken;
  return answer;
end $$;

-- Takes a place in every room, or in none; answers with the place of the first full one among the claims, from 0 on, or null.
create function {s}.enter_rooms(rooms text[], holders text[], sizes integer[], expiries bigint[], instant bigint) returns text language plpgsql as $$
declare
  first_full integer;
begin
  perform {s}.lock_names('room', rooms);
  select min(c.place) - 1 into first_full from unnest(rooms, holders, sizes) with ordinality as c(room, holder, size, place)
    where not exists (select from {s}.rate_places p where p.room = c.room and p.holder = c.holder and p.expires_at > instant)
      and (select count(*) from {s}.rate_places p where p.room = c.room and p.expires_at > instant) >= c.size;
  if first_full is null then
    insert into {s}.rate_places as p (room, holder, expires_at)
      select c.room, c.holder, c.expires_at from unnest(rooms, holders, expiries) as c(room, holder, expires_at) order by c.room collate "C", c.holder collate "C"
      on conflict (room, holder) do update set expires_at = excluded.expires_at;
  end if;
  return to_jsonb(first_full)::text;
end $$;
`,
}
