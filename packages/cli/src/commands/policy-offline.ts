import { pricing } from '@sluice/core'
import { policyJsonSchema, recommendedPolicy, routingTable, routingTableText, toPolicyDocument, type RoutingRow } from '@sluice/core/policy'
import type { Command } from '../command.ts'
import { CommandError, messageOf, UsageError } from '../errors.ts'
import { parseFlags, type Flags, type FlagSpecs } from '../flags/flags.ts'
import { dollars } from '../format/money.ts'
import { gatewayClient, gatewayFlags } from '../gateway/gateway-client.ts'
import { readPolicy, type PolicyReading, type RuleReading } from '../policy/policy-reading.ts'
import { compiledOf, mustSourceOf, policyFlags, policyNotes, sourceOf, type SourcedPolicy } from '../policy/policy-source.ts'
import { requestFlags, requestOf } from '../policy/request-facts.ts'
import { modelsOf, ruleText } from '../policy/rule-words.ts'
import { printable, type Terminal } from '../terminal.ts'

const validateFlags: FlagSpecs = {
  ...policyFlags,
  upstreams: { value: 'LIST', about: 'the upstreams that it may name, joined by commas (not checked)' },
  json: { about: 'for programs' },
}

/** `sluice policy validate`. */
export const policyValidate: Command = {
  usage: 'policy validate FILE [flags]',
  about: 'Checks a policy, without a gateway. Ends with 1 where it is not valid, and names the place.',
  flags: validateFlags,
  notes: policyNotes,
  run: async (argv, terminal) => {
    const given = parseFlags(validateFlags, argv, ['FILE'])
    const isJson = given.has('json')
    const upstreams = given.text('upstreams')?.split(',')
    try {
      const source = mustSourceOf(given.positional('FILE'), given, terminal.directory)
      const compiled = compiledOf(source, upstreams)
      const { version } = await toPolicyDocument(compiled.policy)
      const prices = pricing()
      const warnings = modelsOf(compiled)
        .filter((model) => prices.find(model, terminal.now()) === undefined)
        .map((model) => `${model} has no price in the list that ships: check how it is spelled, or give its price to the gateway.`)
      if (isJson)
        terminal.write(JSON.stringify({ isValid: true, version, rules: compiled.rules.map(({ name, isShadow }) => ({ name, isShadow })), warnings }, null, 2))
      else {
        terminal.write(`${printable(source.origin)} is valid: version ${version}, ${compiled.rules.length} ${compiled.rules.length === 1 ? 'rule' : 'rules'}.`)
        for (const [at, { name }] of compiled.rules.entries())
          terminal.write(`  ${printable(name)}: ${printable(ruleText(compiled.policy.rules[at] ?? ''), 300)}`)
        for (const warning of warnings) terminal.warn(`warning: ${printable(warning, 300)}`)
      }
      return 0
    } catch (cause) {
      if (!isJson || !(cause instanceof CommandError)) throw cause
      terminal.write(JSON.stringify({ isValid: false, problem: messageOf(cause) }, null, 2))
      return 1
    }
  },
}

const explainFlags: FlagSpecs = {
  ...gatewayFlags,
  ...policyFlags,
  ...requestFlags,
  upstreams: { value: 'LIST', about: 'the upstreams of the gateway, joined by commas, the one that serves by default first' },
  json: { about: 'for programs' },
}

/** `sluice policy explain`. */
export const policyExplain: Command = {
  usage: 'policy explain [FILE] --model M --input N [flags]',
  about:
    'Says what a policy would do with a request, rule by rule, stops and residency included.\nWithout FILE it is the policy in force on the gateway; with it, no gateway is needed.',
  flags: explainFlags,
  notes: `${policyNotes}\nWhat really became of a request: sluice explain EXCHANGE.`,
  run: async (argv, terminal) => {
    const given = parseFlags(explainFlags, argv, ['FILE'])
    const request = requestOf(given, terminal.now())
    const source = sourceOf(given.positional('FILE'), given, terminal.directory) ?? (await sourceInForce(given, terminal))
    const upstreams = given.text('upstreams')?.split(',')
    const reading = readPolicy(compiledOf(source, upstreams), request, upstreams?.[0])
    if (given.has('json')) terminal.write(JSON.stringify(reading, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value), 2))
    else terminal.write(readingText(source, reading, request.facts.model))
    return 0
  },
}

async function sourceInForce(given: Flags, terminal: Terminal): Promise<SourcedPolicy> {
  const answer = await gatewayClient(given, terminal).admin('policy')
  const version = answer['version']
  if (typeof version !== 'string') throw new CommandError('the gateway has no policy: everything goes as it came. Publish one with: sluice policy publish FILE')
  return { origin: `policy ${version}`, policy: answer['policy'] }
}

function readingText({ origin }: SourcedPolicy, reading: PolicyReading, model: string): string {
  const { arithmetic } = reading
  return [
    `By ${printable(origin)}, a request for ${printable(model)}:`,
    '',
    ...reading.rules.map((rule) => `  ${outcomeText(rule)}`),
    ...(reading.rules.length === 0 ? ['  (the policy has no rules)'] : []),
    '',
    `So: ${printable(reading.wanted, 600)}.`,
    ...(arithmetic === null
      ? []
      : [
          `Over ${arithmetic.remainingTurns} turns staying on ${printable(arithmetic.from)} costs ${dollars(arithmetic.stayNanoUsd)}, going to ${printable(arithmetic.to)} ${dollars(arithmetic.switchNanoUsd)} (${arithmetic.warmTokens} tokens of its cache are lost).`,
        ]),
    ...reading.notes.map((note) => printable(note, 600)),
  ].join('\n')
}

function outcomeText({ rule, outcome, failing }: RuleReading): string {
  const because = printable(failing.join(', '), 300)
  const name = printable(rule)
  switch (outcome) {
    case 'decides':
      return `${name}: matches, and decides`
    case 'else':
      return `${name}: decides by its else, as this does not hold: ${because}`
    case 'watches':
      return `${name}: only watches`
    case 'no':
      return `${name}: does not match, as this does not hold: ${because}`
    default:
      return `${name}: not asked any more`
  }
}

const simulateFlags: FlagSpecs = {
  ...policyFlags,
  model: { value: 'M', about: 'what the client asks for (claude-opus-5-5)' },
  'small-model': { value: 'M', about: 'where the famous rule sends what is small (claude-haiku-4-5)' },
  sessions: { value: 'N', about: 'synthetic sessions (40)' },
  'no-thinking': { about: 'answers hold no thinking, so sessions are not pinned' },
  json: { about: 'an array of rows; costs are text, in nano-USD' },
}

/** `sluice policy simulate`. */
export const policySimulate: Command = {
  usage: 'policy simulate [FILE] [flags]',
  about:
    'Says what several ways of routing cost on synthetic sessions. Needs no gateway, and spends nothing.\nThe sessions are shaped like those of Claude Code. Compared are: always the model asked for, the rule "under 10K input tokens to the small model"\nread two ways, a switch turn by turn, and Sluice; with FILE, your policy too.',
  flags: simulateFlags,
  notes: policyNotes,
  run: (argv, terminal) => {
    const given = parseFlags(simulateFlags, argv, ['FILE'])
    const source = sourceOf(given.positional('FILE'), given, terminal.directory)
    const model = given.text('model')
    const smallModel = given.text('small-model')
    const sessions = given.text('sessions') ?? '40'
    if (!/^[1-9]\d{0,2}$/.test(sessions)) throw new UsageError(`--sessions: saw "${sessions}". Give a number from 1 to 999.`)
    for (const name of [model, smallModel])
      if (name !== undefined && pricing().find(name, terminal.now()) === undefined)
        throw new UsageError(`"${name}" has no price in the list that ships, so nothing can be reckoned. Check how it is spelled.`)
    const rows = routingTable({
      sessions: Number(sessions),
      hasThinking: !given.has('no-thinking'),
      ...(model !== undefined && { model }),
      ...(smallModel !== undefined && { smallModel }),
      // The recommended policy has a row of its own.
      ...(source !== undefined && source.policy !== recommendedPolicy && { policies: { [source.origin]: compiledOf(source).policy } }),
    })
    if (given.has('json'))
      terminal.write(
        JSON.stringify(
          rows.map((row) => ({ ...row, costNanoUsd: row.costNanoUsd.toString() })),
          null,
          2,
        ),
      )
    else
      terminal.write(
        [
          routingTableText(rows.map((row) => ({ ...row, name: printable(row.name, 80) }))),
          '',
          ...refusalLines(rows),
          'Broken turns carry thinking that another model signed: the API refuses them, or drops the thinking. The rows count them as if nothing had happened.',
          `${sessions} synthetic sessions, of no scope, tag or repository, at the policy's default upstream; list prices. Your own ledger answers better: sluice whatif --policy FILE --since 30d.`,
        ].join('\n'),
      )
    return Promise.resolve(0)
  },
}

/** Says of each policy how much it refuses, where it does. */
function refusalLines(rows: readonly RoutingRow[]): readonly string[] {
  return rows.flatMap(({ name, refused }) =>
    refused === 0 ? [] : [`${printable(name, 80)} refuses ${refused} requests, by a rule, a stop or a region: they cost nothing, and are not done.`],
  )
}

const schemaFlags: FlagSpecs = { json: { about: 'the same: it is JSON anyway' } }

/** `sluice policy schema`. */
export const policySchema: Command = {
  usage: 'policy schema',
  about: 'Prints the JSON Schema of a policy, for editors. Needs no gateway.',
  flags: schemaFlags,
  run: (argv, terminal) => {
    parseFlags(schemaFlags, argv)
    terminal.write(JSON.stringify(policyJsonSchema(), null, 2))
    return Promise.resolve(0)
  },
}
