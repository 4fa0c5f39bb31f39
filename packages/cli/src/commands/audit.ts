import type { Command } from '../command.ts'
import { commandGroup } from '../command-group.ts'
import { CommandError, UsageError } from '../errors.ts'
import { parseFlags, type FlagSpecs } from '../flags/flags.ts'
import { table } from '../format/table.ts'
import { allPages } from '../gateway/all-pages.ts'
import { gatewayClient, gatewayFlags } from '../gateway/gateway-client.ts'
import { printable } from '../terminal.ts'

const listFlags: FlagSpecs = {
  ...gatewayFlags,
  subject: { value: 'WHAT', about: 'only changes of this: key:ID, scope:PATH, budget:ID, limit:ID' },
  after: { value: 'N', about: 'only records after this one' },
  limit: { value: 'N', about: 'at most so many (100)' },
  json: { about: 'an array of records, with what was so before and is after' },
}

const list: Command = {
  usage: 'audit list [flags]',
  about: 'Lists who changed what and why, oldest first.',
  flags: listFlags,
  run: async (argv, terminal) => {
    const given = parseFlags(listFlags, argv)
    const query = new URLSearchParams()
    for (const flag of ['subject', 'after']) {
      const text = given.text(flag)
      if (text !== undefined) query.set(flag, text)
    }
    const limit = given.text('limit') ?? '100'
    if (!/^[1-9]\d{0,5}$/.test(limit)) throw new UsageError(`--limit: saw "${limit}". Give a number from 1 to 999999.`)
    const found = await allPages(gatewayClient(given, terminal), 'audit', 'records', query, Number(limit))
    if (given.has('json')) terminal.write(JSON.stringify(found, null, 2))
    else if (found.length === 0) terminal.write('No change is recorded.')
    else
      terminal.write(
        table(
          [{ title: 'no', align: 'right' }, ...['at', 'who', 'what', 'of', 'why'].map((title) => ({ title }))],
          found.map((record) => ['sequence', 'at', 'actor', 'action', 'subject', 'reason'].map((field) => shown(record[field]))),
        ),
      )
    return 0
  },
}

function shown(value: unknown): string {
  return typeof value === 'string' ? printable(value, 80) : typeof value === 'number' ? String(value) : '-'
}

const verifyFlags: FlagSpecs = { ...gatewayFlags, json: { about: 'for programs' } }

const verify: Command = {
  usage: 'audit verify [flags]',
  about: 'Checks the chain of the whole audit log. Ends with 1 where a record was changed, left out or put in.',
  flags: verifyFlags,
  run: async (argv, terminal) => {
    const given = parseFlags(verifyFlags, argv)
    const answer = await gatewayClient(given, terminal).admin('audit/verify')
    if (given.has('json')) terminal.write(JSON.stringify(answer, null, 2))
    if (answer['kind'] === 'intact') {
      if (!given.has('json')) terminal.write(`The audit log is intact: ${String(answer['records'])} records.`)
      return 0
    }
    if (given.has('json')) return 1
    throw new CommandError(`the audit log is broken at record ${String(answer['sequence'])}: ${printable(String(answer['what']), 300)}`)
  },
}

/** `sluice audit`: who changed what. */
export const audit: Command = commandGroup('audit', 'The audit log: who changed what, when and why.', { list, verify })
