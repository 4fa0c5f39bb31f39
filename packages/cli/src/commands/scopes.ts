import type { Command } from '../command.ts'
import { commandGroup } from '../command-group.ts'
import { UsageError } from '../errors.ts'
import { parseFlags, type FlagSpecs } from '../flags/flags.ts'
import { table } from '../format/table.ts'
import { allPages } from '../gateway/all-pages.ts'
import { gatewayClient, gatewayFlags } from '../gateway/gateway-client.ts'
import { printable } from '../terminal.ts'

const json = { about: 'for programs' }
const reason = { value: 'TEXT', about: 'why; kept in the audit log' }
const levels = ['organisation', 'business-unit', 'sub-business-unit', 'cost-centre', 'developer']

const addFlags: FlagSpecs = {
  ...gatewayFlags,
  level: { value: 'L', about: `its level (the one below that above it): ${levels.join(', ')}` },
  'no-parents': { about: 'refuse where a scope above it is not there yet, instead of adding it' },
  json,
}

const add: Command = {
  usage: 'scopes add PATH [flags]',
  about: 'Adds a scope, and the missing ones above it: acme/retail/web/ada. One that is there stays as it is.',
  flags: addFlags,
  run: async (argv, terminal) => {
    const given = parseFlags(addFlags, argv, ['PATH'])
    const path = needed(given.positional('PATH'), 'PATH', 'acme/web/ada')
    const level = given.text('level')
    const answer = await gatewayClient(given, terminal).admin('scopes', {
      method: 'POST',
      body: { path, parents: !given.has('no-parents'), ...(level !== undefined && { level }) },
    })
    const { scope, added } = answer as unknown as { scope: ScopeRow; added: readonly string[] }
    if (given.has('json')) terminal.write(JSON.stringify({ ...scope, added }, null, 2))
    else if (added.length === 0) terminal.write(`${printable(scope.path)} is there already (${scope.level}).`)
    else terminal.write(`Added ${added.map((one) => printable(one)).join(', ')} (${scope.level}).`)
    return 0
  },
}

const listFlags: FlagSpecs = {
  ...gatewayFlags,
  under: { value: 'PATH', about: 'this scope and everything below it (all)' },
  json: { about: 'an array of scopes' },
}

const list: Command = {
  usage: 'scopes list [flags]',
  about: 'Lists scopes in order of their path.',
  flags: listFlags,
  run: async (argv, terminal) => {
    const given = parseFlags(listFlags, argv)
    const under = given.text('under')
    const found = await allPages(gatewayClient(given, terminal), 'scopes', 'scopes', new URLSearchParams(under === undefined ? {} : { under }), 100_000)
    if (given.has('json')) terminal.write(JSON.stringify(found, null, 2))
    else if (found.length === 0) terminal.write('No scope yet. Add one: sluice scopes add acme/web')
    else
      terminal.write(
        table(
          [{ title: 'path' }, { title: 'level' }, { title: 'archived' }],
          (found as unknown as readonly ScopeRow[]).map(({ path, level, archivedAt }) => [printable(path), level, archivedAt ?? '-']),
        ),
      )
    return 0
  },
}

const archiveFlags: FlagSpecs = { ...gatewayFlags, reason, json }

const archive: Command = {
  usage: 'scopes archive PATH [flags]',
  about: 'Archives a scope: its keys and those below it are not taken any more, and none is issued. What was spent stays.',
  flags: archiveFlags,
  run: async (argv, terminal) => {
    const given = parseFlags(archiveFlags, argv, ['PATH'])
    const path = needed(given.positional('PATH'), 'PATH', 'acme/web/ada')
    const why = given.text('reason')
    const scope = await gatewayClient(given, terminal).admin('scopes/archive', { method: 'POST', body: { path, ...(why !== undefined && { reason: why }) } })
    terminal.write(given.has('json') ? JSON.stringify(scope, null, 2) : `Archived ${printable(path)}.`)
    return 0
  },
}

interface ScopeRow {
  readonly path: string
  readonly level: string
  readonly archivedAt: string | null
}

/** `sluice scopes`: the organisation as a tree. */
export const scopes: Command = commandGroup('scopes', 'The organisation as a tree: what spend is counted by.', { add, list, archive })

/** What must stand without a flag. @throws UsageError */
export function needed(value: string | undefined, name: string, example: string): string {
  if (value === undefined) throw new UsageError(`${name} is missing. Give it without a flag, such as ${example}.`)
  return value
}
