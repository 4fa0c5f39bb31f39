import type { CurrentPolicyJson, PolicyDiffJson, PublicationJson, PublishedJson } from '@sluice/admin'
import { ruleText } from '../policy/rule-words.ts'
import type { Command } from '../command.ts'
import { commandGroup } from '../command-group.ts'
import { UsageError } from '../errors.ts'
import { parseFlags, type FlagSpecs } from '../flags/flags.ts'
import { allPages } from '../gateway/all-pages.ts'
import { gatewayClient, gatewayFlags, type GatewayClient } from '../gateway/gateway-client.ts'
import { diffText, historyText, publicationText } from '../gateway/policy-text.ts'
import { mustSourceOf, policyFlags, policyNotes, validPolicyOf } from '../policy/policy-source.ts'
import { printable, type Terminal } from '../terminal.ts'
import { policyExplain, policySchema, policySimulate, policyValidate } from './policy-offline.ts'

const changeFlags: FlagSpecs = {
  expect: { value: 'VERSION', about: 'the version that is to be replaced, or none; refused where it is another by now (the one in force when asked)' },
  reason: { value: 'TEXT', about: 'why; kept in the history and in the audit log' },
  json: { about: 'for programs' },
}
const publishFlags: FlagSpecs = { ...gatewayFlags, ...policyFlags, ...changeFlags }

const publish: Command = {
  usage: 'policy publish FILE [flags]',
  about: 'Puts a policy in force, on every gateway of the store, within five seconds. Exchanges under way keep theirs.',
  flags: publishFlags,
  notes: policyNotes,
  run: async (argv, terminal) => {
    const given = parseFlags(publishFlags, argv, ['FILE'])
    // Checked here first: what is wrong in it is told of without a gateway.
    const policy = validPolicyOf(mustSourceOf(given.positional('FILE'), given, terminal.directory))
    const client = gatewayClient(given, terminal)
    const reason = given.text('reason')
    const expected = await expectedOf(given.text('expect'), client)
    const answer = await client.admin('policy', { method: 'POST', body: { policy, expected, ...(reason !== undefined && { reason }) } })
    return tellPublished(answer as unknown as PublishedJson, given.has('json'), terminal)
  },
}

const rollbackFlags: FlagSpecs = { ...gatewayFlags, ...changeFlags }

const rollback: Command = {
  usage: 'policy rollback VERSION [flags]',
  about: 'Puts a version in force again that once was: sluice policy history lists them.',
  flags: rollbackFlags,
  run: async (argv, terminal) => {
    const given = parseFlags(rollbackFlags, argv, ['VERSION'])
    const version = given.positional('VERSION')
    if (version === undefined) throw new UsageError('VERSION is missing: the one to go back to. sluice policy history lists them.')
    const client = gatewayClient(given, terminal)
    const reason = given.text('reason')
    const body = {
      version: checkVersion('VERSION', version),
      expected: await expectedOf(given.text('expect'), client),
      ...(reason !== undefined && { reason }),
    }
    const answer = await client.admin('policy/rollback', { method: 'POST', body })
    return tellPublished(answer as unknown as PublishedJson, given.has('json'), terminal)
  },
}

async function expectedOf(text: string | undefined, client: GatewayClient): Promise<string | null> {
  if (text === undefined) return ((await client.admin('policy')) as unknown as CurrentPolicyJson).version
  return text === 'none' ? null : checkVersion('--expect', text)
}

function checkVersion(where: string, text: string): string {
  if (!/^[0-9a-f]{16}$/.test(text)) throw new UsageError(`${where}: "${text}" is no version. Give its 16 digits, as sluice policy history shows them.`)
  return text
}

function tellPublished(answer: PublishedJson, isJson: boolean, { write }: Terminal): number {
  const { kind, publication } = answer
  if (isJson) write(JSON.stringify(answer, null, 2))
  else if (kind === 'unchanged') write(`Nothing to do: policy ${publicationText(publication)}, is in force already.`)
  else
    write(
      publication.previousVersion === null
        ? `Policy ${publication.version} is in force.`
        : `Policy ${publication.version} is in force, in place of ${publication.previousVersion}. To go back: sluice policy rollback ${publication.previousVersion}`,
    )
  return 0
}

const diffFlags: FlagSpecs = {
  ...gatewayFlags,
  ...policyFlags,
  against: { value: 'VERSION', about: 'an earlier version (the one in force)' },
  json: { about: 'for programs' },
}

const diff: Command = {
  usage: 'policy diff FILE [flags]',
  about: 'Says what differs between the policy in force on the gateway and another.',
  flags: diffFlags,
  notes: `${policyNotes} FILE may be a version that once was in force, too.`,
  run: async (argv, terminal) => {
    const given = parseFlags(diffFlags, argv, ['FILE'])
    const file = given.positional('FILE')
    const against = given.text('against')
    const isVersion = file !== undefined && /^[0-9a-f]{16}$/.test(file)
    const body = {
      ...(isVersion ? { version: file } : { policy: validPolicyOf(mustSourceOf(file, given, terminal.directory)) }),
      ...(against !== undefined && { against: checkVersion('--against', against) }),
    }
    const answer = (await gatewayClient(given, terminal).admin('policy/diff', { method: 'POST', body })) as unknown as PolicyDiffJson
    terminal.write(given.has('json') ? JSON.stringify(answer, null, 2) : diffText(answer))
    return 0
  },
}

const showFlags: FlagSpecs = { ...gatewayFlags, json: { about: 'the document with its version, for programs' } }

const show: Command = {
  usage: 'policy show [VERSION] [flags]',
  about: 'Shows the policy in force, or a version that once was.',
  flags: showFlags,
  run: async (argv, terminal) => {
    const given = parseFlags(showFlags, argv, ['VERSION'])
    const version = given.positional('VERSION')
    const path = version === undefined ? 'policy' : `policy/versions/${checkVersion('VERSION', version)}`
    const answer = (await gatewayClient(given, terminal).admin(path)) as unknown as Partial<CurrentPolicyJson>
    if (given.has('json')) {
      terminal.write(JSON.stringify(answer, null, 2))
      return 0
    }
    const { policy, publication } = answer
    if (policy === null || policy === undefined) {
      terminal.write('No policy is in force: every request goes as it came. Publish one with: sluice policy publish FILE')
      return 0
    }
    terminal.write(`Policy ${publication === null || publication === undefined ? (answer.version ?? '') : publicationText(publication)}`)
    terminal.write(`${policy.rules.map((rule, at) => `  ${at}. ${printable(ruleText(rule), 400)}`).join('\n')}\n`)
    terminal.write(JSON.stringify(policy, null, 2))
    return 0
  },
}

const historyFlags: FlagSpecs = {
  ...gatewayFlags,
  limit: { value: 'N', about: 'at most so many, newest first (20)' },
  json: { about: 'an array, for programs' },
}

const history: Command = {
  usage: 'policy history [flags]',
  about: 'Lists who published which version and why, newest first.',
  flags: historyFlags,
  run: async (argv, terminal) => {
    const given = parseFlags(historyFlags, argv)
    const limit = given.text('limit') ?? '20'
    if (!/^[1-9]\d{0,4}$/.test(limit)) throw new UsageError(`--limit: saw "${limit}". Give a number from 1 to 99999.`)
    const found = (await allPages(
      gatewayClient(given, terminal),
      'policy/history',
      'publications',
      new URLSearchParams(),
      Number(limit),
    )) as unknown as readonly PublicationJson[]
    if (given.has('json')) terminal.write(JSON.stringify(found, null, 2))
    else terminal.write(found.length === 0 ? 'No policy was ever published here.' : historyText(found))
    return 0
  },
}

/** `sluice policy`: where requests go. */
export const policy: Command = commandGroup('policy', 'Routing policies: which rules send which requests where. docs/routing.md tells how they are written.', {
  validate: policyValidate,
  explain: policyExplain,
  simulate: policySimulate,
  schema: policySchema,
  diff,
  publish,
  rollback,
  show,
  history,
})
