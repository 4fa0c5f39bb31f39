import type { Migration } from './migration.ts'

/**
 * Settling in batches at half the price. `settle_holds` stays for replicas of the version before; both take their locks in the order that the budgets' migration states.
 * A plan that was made while a table was empty would read all of it for ever, and one for unknown lists would compare each with each: hence the settings.
 */
export const settlingMigration: Migration = {
  version: 7,
  name: 'settling',
  minReader: 5,
  sql: `
-- Ids are distinct. Charges run side by side; charge_of says which of the holds each belongs to, slot_of which of the slots, both from 1 on. Answers with the balances of the slots.
create function {s}.end_holds(ids text[], slot_accounts text[], slot_buckets bigint[], slot_firsts bigint[], charge_of integer[], slot_of integer[], amounts numeric[])
returns text language plpgsql set enable_seqscan = off set enable_nestloop = off as $$
declare
  instant bigint := {s}.now_millis();
  fresh text[];
  live {s}.budget_holds[];
  ended text[];
  is_all boolean;
  charged_accounts text[];
  charged_buckets bigint[];
  charged_spents numeric[];
begin
  -- Without a hold: the store was out when the exchange began. It is settled as it is made, so that nothing is written twice.
  with made as (
    insert into {s}.budget_holds (hold_id, state, at, accounts, buckets, firsts, held, charged)
      select g.id, 2, instant, '{}', '{}', '{}', '{}', '{}' from unnest(ids) g(id) order by g.id
      on conflict do nothing returning hold_id
  ) select coalesce(array_agg(m.hold_id), '{}') into fresh from made m;
  if cardinality(fresh) < cardinality(ids) then
    select array_agg(h) into live from (select * from {s}.budget_holds q where q.hold_id = any (ids) and q.state <> 2 order by q.hold_id for no key update) h;
  end if;
  ended := fresh;
  if live is not null then
    ended := ended || array(select h.hold_id from unnest(live) h);
    update {s}.budget_holds h set state = 2, at = instant, accounts = '{}', buckets = '{}', firsts = '{}', held = '{}', charged = '{}'
      where h.hold_id = any (ids) and h.state <> 2;
    -- Last: an account that everybody charges is locked from here on.
    insert into {s}.budget_accounts as a (account, held)
      select l.account, -sum(l.held) from unnest(live) h cross join lateral unnest(h.accounts, h.held) as l(account, held)
      group by 1 having sum(l.held) <> 0 order by l.account collate "C"
      on conflict (account) do update set held = a.held + excluded.held;
  end if;
  is_all := cardinality(ended) = cardinality(ids);
  with applied as (
    insert into {s}.budget_spends as s (account, bucket, spent)
      select c.account, c.bucket, sum(c.charged) from (
        select p.account, p.bucket, u.charged from unnest(slot_accounts, slot_buckets) with ordinality as p(account, bucket, slot)
          join (
            select v.slot, sum(v.amount) as charged from unnest(charge_of, slot_of, amounts) as v(place, slot, amount)
            where is_all or v.place in (select g.place from unnest(ids) with ordinality as g(id, place) where g.id in (select e.id from unnest(ended) e(id)))
            group by 1
          ) u on u.slot = p.slot
        union all
        select l.account, l.bucket, -l.charged from unnest(live) h cross join lateral unnest(h.accounts, h.buckets, h.charged) as l(account, bucket, charged)
      ) c group by 1, 2 having sum(c.charged) <> 0 order by c.account collate "C", c.bucket
      on conflict (account, bucket) do update set spent = s.spent + excluded.spent
      returning account, bucket, spent
  ) select array_agg(a.account), array_agg(a.bucket), array_agg(a.spent) into charged_accounts, charged_buckets, charged_spents from applied a;
  -- A statement of its own: it sees what others have committed while this one waited for its locks.
  return (
    select coalesce(json_agg(json_build_array(
        case when a.spent is not null and c.first = c.bucket then a.spent
          else coalesce((select sum(s.spent) from {s}.budget_spends s where s.account = c.account and s.bucket between c.first and c.bucket), 0) end::text,
        coalesce((select b.held from {s}.budget_accounts b where b.account = c.account), 0)::text) order by c.place), '[]')::text
    from unnest(slot_accounts, slot_buckets, slot_firsts) with ordinality as c(account, bucket, first, place)
      left join unnest(charged_accounts, charged_buckets, charged_spents) as a(account, bucket, spent) on a.account = c.account and a.bucket = c.bucket
  );
end $$;
`,
}
