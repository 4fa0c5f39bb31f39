import type { Command } from '../command.ts'
import { commandGroup } from '../command-group.ts'
import { UsageError } from '../errors.ts'
import { parseFlags, type FlagSpecs } from '../flags/flags.ts'
import { table } from '../format/table.ts'
import { allPages } from '../gateway/all-pages.ts'
import { gatewayClient, gatewayFlags, gatewayUrl } from '../gateway/gateway-client.ts'
import { toComingInstant, toSpanMillis } from '../gateway/instant.ts'
import { printable, type Terminal } from '../terminal.ts'
import { needed } from './scopes.ts'

const reason = { value: 'TEXT', about: 'why; kept in the audit log' }

const createFlags: FlagSpecs = {
  ...gatewayFlags,
  scope: { value: 'PATH', about: 'the scope that its spend belongs to' },
  name: { value: 'NAME', about: 'what people call it (the developer)' },
  developer: { value: 'NAME', about: 'whose it is (the last name of the scope)' },
  expires: { value: 'WHEN', about: 'when it ends: 90d, 2027-01-31, or never (90d)' },
  models: { value: 'LIST', about: 'only these models: exact ids, or prefixes that end in *' },
  upstreams: { value: 'LIST', about: 'only these upstreams' },
  networks: { value: 'LIST', about: 'only from these networks: 10.0.0.0/8,2001:db8::/32' },
  budgets: { value: 'LIST', about: 'ids of budgets that it counts against besides those that cover it anyway' },
  tag: { value: 'NAME=VALUE', about: 'a tag of all its exchanges; repeatable', isRepeatable: true },
  reason,
  json: { about: 'for programs: key and jwt beside what is known of it' },
}

const create: Command = {
  usage: 'keys create --scope PATH [flags]',
  about: 'Issues a key. It is shown this once, in two forms: opaque, and as a JWT with which Claude Code shows warnings.',
  flags: createFlags,
  run: async (argv, terminal) => {
    const given = parseFlags(createFlags, argv)
    const scope = given.text('scope')
    if (scope === undefined)
      throw new UsageError('--scope is missing: the path of the scope that the spend belongs to. Add one first: sluice scopes add acme/web')
    const restrictions: Record<string, readonly string[]> = {}
    for (const flag of ['models', 'upstreams', 'networks', 'budgets']) {
      const text = given.text(flag)
      if (text !== undefined)
        restrictions[flag] = text
          .split(',')
          .map((part) => part.trim())
          .filter((part) => part !== '')
    }
    const expires = given.text('expires')
    const texts = Object.fromEntries(['name', 'developer', 'reason'].flatMap((flag) => (given.has(flag) ? [[flag, given.text(flag)]] : [])))
    const key = await gatewayClient(given, terminal).admin('keys', {
      method: 'POST',
      body: {
        scope,
        ...texts,
        ...(expires !== undefined && {
          expiresAt: expires === 'never' ? null : new Date(toComingInstant('--expires', expires, terminal.now(), 'UTC')).toISOString(),
        }),
        ...(Object.keys(restrictions).length > 0 && { restrictions }),
        ...(given.has('tag') && { tags: Object.fromEntries(given.list('tag').map(toTag)) }),
      },
    })
    if (given.has('json')) terminal.write(JSON.stringify(key, null, 2))
    else tellKey(key, gatewayUrl(given, terminal), terminal, 'Issued')
    return 0
  },
}

const listFlags: FlagSpecs = {
  ...gatewayFlags,
  scope: { value: 'PATH', about: 'keys of this scope and of everything below it (all)' },
  json: { about: 'an array of keys' },
}

const list: Command = {
  usage: 'keys list [flags]',
  about: 'Lists keys; none of them is shown.',
  flags: listFlags,
  run: async (argv, terminal) => {
    const given = parseFlags(listFlags, argv)
    const under = given.text('scope')
    const found = await allPages(gatewayClient(given, terminal), 'keys', 'keys', new URLSearchParams(under === undefined ? {} : { under }), 100_000)
    if (given.has('json')) terminal.write(JSON.stringify(found, null, 2))
    else if (found.length === 0) terminal.write('No key yet. Issue one: sluice keys create --scope PATH')
    else
      terminal.write(
        table(
          ['id', 'state', 'developer', 'name', 'scope', 'expires'].map((title) => ({ title })),
          found.map((key) =>
            ['id', 'state', 'developer', 'name', 'scope', 'expiresAt'].map((field) => (typeof key[field] === 'string' ? printable(key[field], 60) : '-')),
          ),
        ),
      )
    return 0
  },
}

const rotateFlags: FlagSpecs = {
  ...gatewayFlags,
  overlap: { value: 'SPAN', about: 'how long the present secret is still taken (24h)' },
  reason,
  json: { about: 'for programs' },
}

const rotate: Command = {
  usage: 'keys rotate ID [flags]',
  about: 'Gives a key a new secret, shown this once. The present one is taken until the overlap ends.',
  flags: rotateFlags,
  run: async (argv, terminal) => {
    const given = parseFlags(rotateFlags, argv, ['ID'])
    const id = idOf(needed(given.positional('ID'), 'ID', '3fA9bC2d'))
    const overlap = given.text('overlap') ?? '24h'
    const millis = overlap === '0' ? 0 : toSpanMillis(overlap)
    if (millis === undefined) throw new UsageError(`--overlap: saw "${overlap}". Give a span such as 24h, or 0.`)
    const why = given.text('reason')
    const key = await gatewayClient(given, terminal).admin(`keys/${id}/rotate`, {
      method: 'POST',
      body: { overlapSeconds: millis / 1_000, ...(why !== undefined && { reason: why }) },
    })
    if (given.has('json')) terminal.write(JSON.stringify(key, null, 2))
    else tellKey(key, gatewayUrl(given, terminal), terminal, 'Rotated')
    return 0
  },
}

const revokeFlags: FlagSpecs = {
  ...gatewayFlags,
  leaked: { about: 'somebody else may hold it: cut its open streams too' },
  reason,
  json: { about: 'for programs' },
}

const revoke: Command = {
  usage: 'keys revoke ID [flags]',
  about: 'Withdraws a key. Every gateway on its store refuses it within five seconds.',
  flags: revokeFlags,
  run: async (argv, terminal) => {
    const given = parseFlags(revokeFlags, argv, ['ID'])
    const id = idOf(needed(given.positional('ID'), 'ID', '3fA9bC2d'))
    const isLeaked = given.has('leaked')
    const key = await gatewayClient(given, terminal).admin(`keys/${id}/revoke`, {
      method: 'POST',
      body: { reason: given.text('reason') ?? (isLeaked ? 'leaked' : 'revoked on the command line'), isLeaked },
    })
    terminal.write(given.has('json') ? JSON.stringify(key, null, 2) : `Revoked ${id}${isLeaked ? ', and cut its streams' : ''}.`)
    return 0
  },
}

/** `sluice keys`: virtual keys. */
export const keys: Command = commandGroup('keys', 'Virtual keys of a gateway.', { create, list, rotate, revoke })

function tellKey(key: Readonly<Record<string, unknown>>, url: string, terminal: Terminal, what: string): void {
  const text = (field: string): string => (typeof key[field] === 'string' ? printable(key[field], 2_000) : '-')
  terminal.write(
    [
      `${what} ${text('id')} for ${text('developer')}, scope ${text('scope')}, until ${text('expiresAt')}. It is shown this once.`,
      '',
      `  export ANTHROPIC_BASE_URL=${url}`,
      `  export ANTHROPIC_AUTH_TOKEN=${text('jwt')}`,
      '',
      'The same key for other clients:',
      '',
      `  ${text('key')}`,
    ].join('\n'),
  )
}

/** The id of a key; of a whole key, given by mistake, its id alone: a path of a URL ends up in logs. */
function idOf(text: string): string {
  const id = /^(?:[a-z0-9-]+_[a-z0-9]+_)?([0-9A-Za-z]{8})(?:_[0-9A-Za-z]+)?$/.exec(text)?.[1]
  if (id === undefined) throw new UsageError('that is no id of a key. Ids have 8 letters and digits: sluice keys list')
  return id
}

function toTag(text: string): readonly [string, string] {
  const at = text.indexOf('=')
  if (at < 1) throw new UsageError(`--tag: saw "${text}". Give NAME=VALUE.`)
  return [text.slice(0, at), text.slice(at + 1)]
}
