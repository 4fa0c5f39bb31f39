import type { Migration } from './migration.ts'

/** Routing policies: their texts, each once, and who put which in force. New tables only, so the version before can live with them. */
export const policyMigration: Migration = {
  version: 6,
  name: 'policies',
  minReader: 5,
  sql: `
create table {s}.policies (version text collate "C" primary key, document text not null);
create table {s}.policy_publications (sequence bigint primary key, version text collate "C" not null, publication text not null);
`,
}
