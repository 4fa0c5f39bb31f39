import type { Command } from '../command.ts'
import { CommandError, UsageError } from '../errors.ts'
import { parseFlags, type FlagSpecs } from '../flags/flags.ts'
import { gatewayClient, gatewayFlags } from '../gateway/gateway-client.ts'
import { exchangeDetail, exchangesTable } from '../gateway/exchanges-text.ts'
import { toInstant } from '../gateway/instant.ts'
import { isTimeZone } from '../start/setting-specs.ts'

const flags: FlagSpecs = {
  ...gatewayFlags,
  limit: { value: 'N', about: 'at most this many, newest first (20; 100 with --json)' },
  id: { value: 'X', about: 'the exchange of this id, upstream request id or message id, in detail' },
  session: { value: 'X', about: 'those of this session' },
  since: { value: 'TIME', about: 'started then or later: 24h, 7d, 2026-11-24' },
  until: { value: 'TIME', about: 'started before then' },
  'time-zone': { value: 'ZONE', about: "time zone of the table and of dates (this machine's)" },
  json: { about: 'an array of exchanges, with attribution, usage, cost, digests and patches' },
}

/** `sluice exchanges`: what went through, one by one. */
export const exchanges: Command = {
  usage: 'exchanges [flags]',
  about: 'Lists the exchanges of a running gateway, newest first.',
  flags,
  run: async (argv, terminal) => {
    const given = parseFlags(flags, argv)
    const timeZone = given.text('time-zone') ?? Intl.DateTimeFormat().resolvedOptions().timeZone
    if (!isTimeZone(timeZone)) throw new UsageError(`--time-zone: saw "${timeZone}". Give an IANA name, such as Europe/Berlin or UTC.`)
    const limit = given.text('limit') ?? (given.has('json') ? '100' : '20')
    if (!/^[1-9]\d{0,4}$/.test(limit) || Number(limit) > 10_000) throw new UsageError(`--limit: saw "${limit}". Give a number from 1 to 10000.`)
    const parameters = new URLSearchParams({ limit })
    for (const flag of ['id', 'session']) {
      const text = given.text(flag)
      if (text !== undefined) parameters.set(flag, text)
    }
    for (const flag of ['since', 'until']) {
      const text = given.text(flag)
      if (text !== undefined) parameters.set(flag, String(toInstant(`--${flag}`, text, terminal.now(), timeZone)))
    }
    const found = await gatewayClient(given, terminal).exchanges(parameters)
    const id = given.text('id')
    if (given.has('json')) terminal.write(JSON.stringify(found, null, 2))
    else if (found.length === 0 && id !== undefined)
      throw new CommandError(`the gateway knows no exchange "${id}". Give the id of an exchange, an upstream request-id, or a msg_… id.`)
    else if (found.length === 0)
      terminal.write(
        parameters.size > 1
          ? 'No exchange matches. Widen --since, --until or --session.'
          : 'No exchange yet. Point Claude Code at the gateway: export ANTHROPIC_BASE_URL=…, or sluice run -- claude',
      )
    else terminal.write(id === undefined ? exchangesTable(found, timeZone) : found.map(exchangeDetail).join('\n\n'))
    return 0
  },
}
