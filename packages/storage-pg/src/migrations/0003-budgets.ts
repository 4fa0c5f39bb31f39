import type { Migration } from './migration.ts'

/**
 * Budgets, and the arithmetic of holds and charges. All functions lock in one order, so that no two ever wait in a circle: holds by id, then accounts by name, then
 * buckets by account and start. What an account holds changes only under its row's lock, together with what is charged in its place.
 */
export const budgetMigration: Migration = {
  version: 3,
  name: 'budgets',
  minReader: 3,
  sql: `
create table {s}.budgets (id text collate "C" primary key, version integer not null, budget text not null);
create table {s}.budget_thresholds (account text collate "C" not null, bucket bigint not null, percent numeric not null, primary key (account, bucket, percent));
create table {s}.budget_accounts (account text collate "C" primary key, held numeric not null) with (fillfactor = 70);
create table {s}.budget_spends (account text collate "C" not null, bucket bigint not null, spent numeric not null, primary key (account, bucket)) with (fillfactor = 70);

-- State 0: open, until the instant "at"; 1: expired and booked at that instant; 2: settled at it. Lists run side by side, one place a line.
create table {s}.budget_holds (
  hold_id text collate "C" primary key,
  state smallint not null,
  at bigint not null,
  accounts text[] collate "C" not null,
  buckets bigint[] not null,
  firsts bigint[] not null,
  held numeric[] not null,
  charged numeric[] not null
);
create index budget_holds_due on {s}.budget_holds ((state = 0), at, hold_id);

-- A change of what an account holds, and of what is charged to one of its buckets.
create type {s}.budget_change as (account text, bucket bigint, held numeric, charged numeric);

create function {s}.now_millis() returns bigint language sql volatile as $$ select floor(extract(epoch from clock_timestamp()) * 1000)::bigint $$;

create function {s}.change_accounts(changes {s}.budget_change[]) returns void language plpgsql as $$
begin
  insert into {s}.budget_accounts as a (account, held)
    select c.account, sum(c.held) from unnest(changes) c group by 1 having sum(c.held) <> 0 order by c.account collate "C"
    on conflict (account) do update set held = a.held + excluded.held;
  insert into {s}.budget_spends as s (account, bucket, spent)
    select c.account, c.bucket, sum(c.charged) from unnest(changes) c group by 1, 2 having sum(c.charged) <> 0 order by c.account collate "C", c.bucket
    on conflict (account, bucket) do update set spent = s.spent + excluded.spent;
end $$;

-- Balances of slots, in their order, as JSON: [[spent, held], ...].
create function {s}.slot_balances(slot_accounts text[], slot_buckets bigint[], slot_firsts bigint[]) returns text language sql stable as $$
  select coalesce(json_agg(json_build_array(
      coalesce((select sum(s.spent) from {s}.budget_spends s where s.account = c.account and s.bucket between c.first and c.bucket), 0)::text,
      coalesce((select a.held from {s}.budget_accounts a where a.account = c.account), 0)::text) order by c.place), '[]')::text
  from unnest(slot_accounts, slot_buckets, slot_firsts) with ordinality as c(account, bucket, first, place)
$$;

-- Places of claims that have no room, from 0 on.
create function {s}.claims_without_room(claim_accounts text[], claim_buckets bigint[], claim_firsts bigint[], amounts numeric[], caps numeric[]) returns integer[] language sql stable as $$
  select coalesce(array_agg(c.place - 1 order by c.place), '{}')::integer[]
  from unnest(claim_accounts, claim_buckets, claim_firsts, amounts, caps) with ordinality as c(account, bucket, first, amount, cap, place)
  where c.amount
    + coalesce((select sum(s.spent) from {s}.budget_spends s where s.account = c.account and s.bucket between c.first and c.bucket), 0)
    + coalesce((select a.held from {s}.budget_accounts a where a.account = c.account), 0) > c.cap
$$;

create function {s}.reserve_hold(id text, expires_at bigint, claim_accounts text[], claim_buckets bigint[], claim_firsts bigint[], amounts numeric[], caps numeric[]) returns text language plpgsql as $$
declare
  refused integer[] := '{}';
begin
  if not exists (select from {s}.budget_holds h where h.hold_id = id) then
    -- A look without locks first: who has no room is told so at the price of a read.
    select {s}.claims_without_room(claim_accounts, claim_buckets, claim_firsts, amounts, caps) into refused;
    if refused <> '{}' then
      -- It may be this very hold that took the room, brought by another caller in between.
      if exists (select from {s}.budget_holds h where h.hold_id = id) then refused := '{}'; end if;
    else
      insert into {s}.budget_holds (hold_id, state, at, accounts, buckets, firsts, held, charged)
        values (id, 0, expires_at, claim_accounts, claim_buckets, claim_firsts, amounts, array_fill(0::numeric, array[cardinality(amounts)]))
        on conflict do nothing;
      if found then
        insert into {s}.budget_accounts (account, held) select c.account, 0 from unnest(claim_accounts) c(account)
          where not exists (select from {s}.budget_accounts a where a.account = c.account) order by c.account collate "C" on conflict do nothing;
        perform from {s}.budget_accounts a where a.account = any (claim_accounts) order by a.account for no key update;
        select {s}.claims_without_room(claim_accounts, claim_buckets, claim_firsts, amounts, caps) into refused;
        if refused = '{}' then
          update {s}.budget_accounts a set held = a.held + c.amount from unnest(claim_accounts, amounts) c(account, amount) where a.account = c.account;
        else
          delete from {s}.budget_holds h where h.hold_id = id;
        end if;
      end if;
    end if;
  end if;
  return '[' || {s}.slot_balances(claim_accounts, claim_buckets, claim_firsts) || ',' || to_json(refused)::text || ']';
end $$;

-- Charges run side by side; charge_of says which of the holds each belongs to, slot_of which of the slots, both from 1 on. Answers with the balances of the slots.
create function {s}.settle_holds(ids text[], slot_accounts text[], slot_buckets bigint[], slot_firsts bigint[], charge_of integer[], slot_of integer[], amounts numeric[]) returns text language plpgsql as $$
declare
  live {s}.budget_holds[];
  changes {s}.budget_change[];
begin
  if (select count(*) from {s}.budget_holds h where h.hold_id = any (ids)) < (select count(distinct g.id) from unnest(ids) g(id)) then
    -- Without a hold: the store was out when the exchange began, or another caller is just bringing it.
    insert into {s}.budget_holds (hold_id, state, at, accounts, buckets, firsts, held, charged)
      select distinct g.id, 0, 0, '{}'::text[], '{}'::bigint[], '{}'::bigint[], '{}'::numeric[], '{}'::numeric[] from unnest(ids) g(id)
      where not exists (select from {s}.budget_holds h where h.hold_id = g.id) order by 1
      on conflict do nothing;
  end if;
  select array_agg(h) into live from (select * from {s}.budget_holds q where q.hold_id = any (ids) and q.state <> 2 order by q.hold_id for no key update) h;
  select array_agg(row(c.account, c.bucket, c.held, c.charged)::{s}.budget_change) into changes from (
    select l.account, l.bucket, -l.held as held, -l.charged as charged
      from unnest(live) h cross join lateral unnest(h.accounts, h.buckets, h.held, h.charged) as l(account, bucket, held, charged)
    union all
    select slot_accounts[u.slot], slot_buckets[u.slot], 0, sum(u.amount)
      from unnest(charge_of, slot_of, amounts) as u(place, slot, amount)
      -- Of two settlements of one hold in a batch the first stands.
      join (select g.id, min(g.place) as place from unnest(ids) with ordinality g(id, place) group by g.id) firsts on firsts.place = u.place
      join unnest(live) h on h.hold_id = firsts.id collate "C"
      group by u.slot
  ) c;
  update {s}.budget_holds h set state = 2, at = {s}.now_millis(), accounts = '{}', buckets = '{}', firsts = '{}', held = '{}', charged = '{}'
    where h.hold_id = any (ids) and h.state <> 2;
  -- Last: an account that everybody charges is locked from here on.
  if changes is not null then perform {s}.change_accounts(changes); end if;
  return {s}.slot_balances(slot_accounts, slot_buckets, slot_firsts);
end $$;

create function {s}.draw_hold(id text, expires_at bigint, draw_accounts text[], draw_buckets bigint[], draw_firsts bigint[], amounts numeric[], kept numeric[]) returns text language plpgsql as $$
declare
  hold {s}.budget_holds;
  changes {s}.budget_change[] := '{}';
  place integer;
  remaining numeric;
begin
  select * into hold from {s}.budget_holds h where h.hold_id = id and h.state = 0 for no key update;
  if not found then return 'false'; end if;
  for draw in 1 .. cardinality(draw_accounts) loop
    place := array_position(hold.accounts, draw_accounts[draw] collate "C");
    if place is null then
      place := cardinality(hold.accounts) + 1;
      hold.accounts[place] := draw_accounts[draw];
      hold.buckets[place] := draw_buckets[draw];
      hold.firsts[place] := draw_firsts[draw];
      hold.held[place] := 0;
      hold.charged[place] := 0;
    end if;
    remaining := least(greatest(hold.held[place] + hold.charged[place] - amounts[draw], 0), kept[draw]);
    changes := changes || row(hold.accounts[place], hold.buckets[place], remaining - hold.held[place], amounts[draw] - hold.charged[place])::{s}.budget_change;
    hold.held[place] := remaining;
    hold.charged[place] := amounts[draw];
  end loop;
  perform {s}.change_accounts(changes);
  update {s}.budget_holds h
    set at = expires_at, accounts = hold.accounts, buckets = hold.buckets, firsts = hold.firsts, held = hold.held, charged = hold.charged where h.hold_id = id;
  return 'true';
end $$;

-- Booked holds, oldest first: [[id, [[account, bucket, first, amount], ...]], ...]. Holds that another caller is at are left to it.
create function {s}.book_expired(before bigint, most bigint) returns text language plpgsql as $$
declare
  live {s}.budget_holds[];
  changes {s}.budget_change[];
begin
  select array_agg(h order by h.at, h.hold_id) into live from (
    select * from {s}.budget_holds q where (q.state = 0) = true and q.at < before order by q.at, q.hold_id limit most for no key update skip locked
  ) h;
  if live is null then return '[]'; end if;
  select array_agg(row(l.account, l.bucket, -l.held, l.held)::{s}.budget_change) into changes
    from unnest(live) h cross join lateral unnest(h.accounts, h.buckets, h.held) as l(account, bucket, held);
  if changes is not null then perform {s}.change_accounts(changes); end if;
  update {s}.budget_holds h set state = 1, at = {s}.now_millis(), held = array_fill(0::numeric, array[cardinality(h.held)]),
      charged = array(select l.charged + l.held from unnest(h.charged, h.held) with ordinality as l(charged, held, place) order by l.place)
    from unnest(live) l where h.hold_id = l.hold_id;
  return (
    select jsonb_agg(jsonb_build_array(h.hold_id, (
      select coalesce(jsonb_agg(jsonb_build_array(l.account, l.bucket, l.first, l.held::text) order by l.place), '[]')
      from unnest(h.accounts, h.buckets, h.firsts, h.held) with ordinality as l(account, bucket, first, held, place)
    )) order by h.at, h.hold_id)::text from unnest(live) h
  );
end $$;
`,
}
