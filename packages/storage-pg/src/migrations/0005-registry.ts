import type { Migration } from './migration.ts'

/** Keys, scopes, the audit chain and generated secrets. */
export const registryMigration: Migration = {
  version: 5,
  name: 'registry',
  minReader: 5,
  sql: `
create table {s}.keys (id text collate "C" primary key, scope text collate "C" not null, record text not null);
create index keys_by_scope on {s}.keys (scope, id);
create table {s}.scopes (path text collate "C" primary key, depth integer not null, scope text not null, archived_at double precision);
-- What a record says may be erased; the chain over its hash holds without it.
create table {s}.audit (
  sequence bigint primary key,
  previous_hash text not null,
  hash text not null,
  subject text collate "C" not null,
  record text not null,
  content text
);
create index audit_by_subject on {s}.audit (hashtextextended(subject, 0), sequence);
create table {s}.secrets (name text collate "C" primary key, secret text not null);
`,
}
