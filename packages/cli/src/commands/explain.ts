import type { ExplainJson } from '@sluice/admin'
import type { Command } from '../command.ts'
import { UsageError } from '../errors.ts'
import { parseFlags, type FlagSpecs } from '../flags/flags.ts'
import { gatewayClient, gatewayFlags } from '../gateway/gateway-client.ts'
import { printable } from '../terminal.ts'

const flags: FlagSpecs = { ...gatewayFlags, json: { about: 'sentences, the rule, and the whole exchange, for programs' } }

/** `sluice explain`: why an exchange went where it went. */
export const explain: Command = {
  usage: 'explain EXCHANGE [flags]',
  about: 'Says why an exchange went where it went: the rule, what became of each target, what was reckoned, what was tried, and what it was billed as.',
  flags,
  notes:
    'EXCHANGE is the id of an exchange, an upstream request id, or a message id: sluice exchanges lists them.\nWhat a policy would do: sluice policy explain FILE --model M --input N.',
  run: async (argv, terminal) => {
    const given = parseFlags(flags, argv, ['EXCHANGE'])
    const id = given.positional('EXCHANGE')
    if (id === undefined)
      throw new UsageError('EXCHANGE is missing: the id of an exchange, an upstream request id, or a msg_… id. sluice exchanges lists them.')
    if (!/^[A-Za-z0-9_-]{1,64}$/.test(id)) throw new UsageError(`EXCHANGE: "${printable(id, 60)}" is no id. sluice exchanges lists them.`)
    const answer = (await gatewayClient(given, terminal).admin(`explain/${id}`)) as unknown as ExplainJson
    terminal.write(given.has('json') ? JSON.stringify(answer, null, 2) : explainText(answer))
    return 0
  },
}

function explainText({ why, rule, exchange }: ExplainJson): string {
  const { attribution } = exchange
  const session = (attribution['session'] as { readonly value: string } | undefined)?.value
  return [
    `${exchange.id}, ${exchange.startedAt}, ${printable(attribution.kind.value)}${session === undefined ? '' : ` of session ${printable(session)}`}: ${exchange.status ?? 'no'} ${printable(exchange.error?.code ?? exchange.outcome)}`,
    '',
    ...why.map((sentence) => `  ${printable(sentence, 600)}`),
    ...(rule === null || rule === undefined ? [] : ['', `The rule reads: ${printable(typeof rule === 'string' ? rule : JSON.stringify(rule), 1_000)}`]),
  ].join('\n')
}
