import type { ReportDimension } from '@sluice/core'
import type { Command } from '../command.ts'
import { UsageError } from '../errors.ts'
import { parseFlags, type Flags, type FlagSpecs } from '../flags/flags.ts'
import { dimensionOf, dimensions, filterOf } from '../gateway/dimensions.ts'
import { gatewayClient, gatewayFlags } from '../gateway/gateway-client.ts'
import { toInstant } from '../gateway/instant.ts'
import { reportCsv, reportTable } from '../gateway/report-text.ts'
import { viewNames, viewText, type ViewName } from '../gateway/view-text.ts'
import { isTimeZone } from '../start/setting-specs.ts'
import type { Terminal } from '../terminal.ts'

const flags: FlagSpecs = {
  ...gatewayFlags,
  'group-by': { value: 'LIST', about: `one or more of ${dimensions.join(',')} (one total)`, isRepeatable: true },
  view: { value: 'VIEW', about: `instead of rows: ${viewNames.join(', ')}; leaderboard and concentration by one --group-by (developer)` },
  since: { value: 'TIME', about: 'exchanges started then or later: 24h, 7d, 2026-11-24, 2026-11-24T13:00:00Z (all)' },
  until: { value: 'TIME', about: 'exchanges started before then' },
  'time-zone': { value: 'ZONE', about: "time zone of hour, day and dates, such as Europe/Berlin (the gateway's; for dates this machine's)" },
  where: { value: 'DIMENSION=VALUE', about: 'only these exchanges, such as session=…; repeatable', isRepeatable: true },
  limit: { value: 'N', about: 'at most so many rows, the dearest (all); of a view, places or sessions' },
  json: { about: 'an array of rows, or the view; costs are text, in nano-USD' },
  csv: { about: 'the rows as CSV' },
}

/** `sluice report`: what was spent. */
export const report: Command = {
  usage: 'report [flags]',
  about: 'Shows what a running gateway has seen spent, dearest first.',
  flags,
  run: async (argv, terminal) => {
    const given = parseFlags(flags, argv)
    if (given.has('json') && given.has('csv')) throw new UsageError('--json and --csv are two forms of one answer. Give one of them.')
    const asked = given.text('time-zone')
    const timeZone = asked ?? Intl.DateTimeFormat().resolvedOptions().timeZone
    if (!isTimeZone(timeZone)) throw new UsageError(`--time-zone: saw "${timeZone}". Give an IANA name, such as Europe/Berlin or UTC.`)
    const groupBy = [
      ...new Set(
        given
          .list('group-by')
          .flatMap((list) => list.split(',').filter((name) => name !== ''))
          .map((name) => dimensionOf('--group-by', name)),
      ),
    ]
    const parameters = new URLSearchParams()
    for (const filter of given.list('where')) parameters.append('where', filterOf('--where', filter))
    for (const flag of ['since', 'until']) {
      const text = given.text(flag)
      if (text !== undefined) parameters.set(flag, String(toInstant(`--${flag}`, text, terminal.now(), timeZone)))
    }
    if (given.has('view')) return showView(given, groupBy, parameters, terminal)
    const limit = given.text('limit')
    if (limit !== undefined) {
      if (!/^[1-9]\d{0,5}$/.test(limit)) throw new UsageError(`--limit: saw "${limit}". Give a number from 1 to 999999.`)
      parameters.set('limit', limit)
    }
    if (asked !== undefined) parameters.set('timeZone', asked)
    for (const dimension of groupBy) parameters.append('groupBy', dimension)
    const rows = await gatewayClient(given, terminal).report(parameters)
    if (given.has('json')) terminal.write(JSON.stringify(rows, null, 2))
    else if (given.has('csv')) terminal.write(reportCsv(rows, groupBy))
    else if (rows.every(({ exchanges }) => exchanges === 0)) terminal.write(nothingYet(parameters))
    else terminal.write(reportTable(rows, groupBy))
    return 0
  },
}

async function showView(given: Flags, groupBy: readonly ReportDimension[], parameters: URLSearchParams, terminal: Terminal): Promise<number> {
  const name = viewNames.find((candidate) => candidate === given.text('view'))
  if (name === undefined) throw new UsageError(`--view: saw "${given.text('view') ?? ''}". Give one of ${viewNames.join(', ')}.`)
  if (given.has('csv')) throw new UsageError('--csv goes with rows. A view is a table, or --json.')
  const isBy: readonly ViewName[] = ['leaderboard', 'concentration']
  if (groupBy.length > (isBy.includes(name) ? 1 : 0))
    throw new UsageError(
      isBy.includes(name) ? `--group-by: a ${name} is by one dimension. Give one.` : `--group-by: ${name} is always by session. Leave it out.`,
    )
  const [by] = groupBy
  if (by !== undefined) parameters.set('by', by)
  const limit = given.text('limit')
  if (limit !== undefined) {
    if (name !== 'leaderboard' && name !== 'cache-health') throw new UsageError(`--limit: ${name} has none. Leave it out.`)
    if (!/^(?:[1-9]\d{0,2}|1000)$/.test(limit)) throw new UsageError(`--limit: saw "${limit}". Give a number from 1 to 1000.`)
    parameters.set('limit', limit)
  }
  const view = await gatewayClient(given, terminal).admin(`chargeback/${name}`, { query: parameters })
  terminal.write(given.has('json') ? JSON.stringify(view, null, 2) : viewText(name, view))
  return 0
}

function nothingYet(parameters: URLSearchParams): string {
  const isNarrowed = ['since', 'until', 'where'].some((name) => parameters.has(name))
  return isNarrowed
    ? 'No exchange matches. Widen --since, --until or --where.'
    : 'No exchange yet. Point Claude Code at the gateway (export ANTHROPIC_BASE_URL=…, or sluice run -- claude) and ask it something.'
}
