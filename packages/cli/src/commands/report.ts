import type { Command } from '../command.ts'
import { UsageError } from '../errors.ts'
import { parseFlags, type FlagSpecs } from '../flags/flags.ts'
import { gatewayClient, gatewayFlags } from '../gateway/gateway-client.ts'
import { toInstant } from '../gateway/instant.ts'
import { QueryError, toReportQuery } from '../gateway/read-query.ts'
import { dimensions } from '../gateway/report-json.ts'
import { reportCsv, reportTable } from '../gateway/report-text.ts'
import { isTimeZone } from '../start/setting-specs.ts'

const flags: FlagSpecs = {
  ...gatewayFlags,
  'group-by': { value: 'LIST', about: `one or more of ${dimensions.join(',')} (one total)`, isRepeatable: true },
  since: { value: 'TIME', about: 'exchanges started then or later: 24h, 7d, 2026-11-24, 2026-11-24T13:00:00Z (all)' },
  until: { value: 'TIME', about: 'exchanges started before then' },
  'time-zone': { value: 'ZONE', about: "time zone of hour, day and dates, such as Europe/Berlin (the gateway's; for dates this machine's)" },
  where: { value: 'DIMENSION=VALUE', about: 'only these exchanges, such as session=…; repeatable', isRepeatable: true },
  json: { about: 'an array of rows; costs are text, in nano-USD' },
  csv: { about: 'the same as CSV' },
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
    const parameters = new URLSearchParams(asked === undefined ? {} : { timeZone })
    for (const list of given.list('group-by')) parameters.append('groupBy', list)
    for (const filter of given.list('where')) parameters.append('where', filter)
    for (const flag of ['since', 'until']) {
      const text = given.text(flag)
      if (text !== undefined) parameters.set(flag, String(toInstant(`--${flag}`, text, terminal.now(), timeZone)))
    }
    const { groupBy } = asUsage(() => toReportQuery(parameters, timeZone))
    const rows = await gatewayClient(given, terminal).report(parameters)
    if (given.has('json')) terminal.write(JSON.stringify(rows, null, 2))
    else if (given.has('csv')) terminal.write(reportCsv(rows, groupBy))
    else if (rows.every(({ exchanges }) => exchanges === 0)) terminal.write(nothingYet(parameters))
    else terminal.write(reportTable(rows, groupBy))
    return 0
  },
}

function nothingYet(parameters: URLSearchParams): string {
  const isNarrowed = ['since', 'until', 'where'].some((name) => parameters.has(name))
  return isNarrowed
    ? 'No exchange matches. Widen --since, --until or --where.'
    : 'No exchange yet. Point Claude Code at the gateway (export ANTHROPIC_BASE_URL=…, or sluice run -- claude) and ask it something.'
}

/** The gateway would say so too, but later and less near to the flag. */
function asUsage<Value>(check: () => Value): Value {
  try {
    return check()
  } catch (cause) {
    if (cause instanceof QueryError) throw new UsageError(`--${cause.message.replace(/^groupBy/, 'group-by')}`, { cause })
    throw cause
  }
}
