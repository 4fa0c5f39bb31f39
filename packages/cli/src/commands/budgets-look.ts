import type { BudgetJson, BudgetStatusJson } from '@sluice/admin'
import type { Command } from '../command.ts'
import { CommandError, UsageError } from '../errors.ts'
import { parseFlags, type Flags, type FlagSpecs } from '../flags/flags.ts'
import { dollars } from '../format/money.ts'
import { table } from '../format/table.ts'
import { allPages } from '../gateway/all-pages.ts'
import { gatewayClient, gatewayFlags, type GatewayClient } from '../gateway/gateway-client.ts'
import { toComingInstant } from '../gateway/instant.ts'
import { subjectFlags, subjectText, tellWarnings } from '../gateway/subject-flags.ts'
import { printable } from '../terminal.ts'
import { amountOf } from './budgets-set.ts'
import { needed } from './scopes.ts'

const member = { value: 'NAME', about: 'whose pot, where each developer has one' }

const showFlags: FlagSpecs = {
  ...gatewayFlags,
  ...subjectFlags,
  member,
  json: { about: 'cap, spent, held, remaining, resetsAt of the tightest; all of them under budgets' },
}

/** `sluice budgets show`. */
export const budgetsShow: Command = {
  usage: 'budgets show ID | --scope PATH [flags]',
  about: 'Shows how the budgets of a scope, a key, a tag or a model stand, the tightest first.',
  flags: showFlags,
  run: async (argv, terminal) => {
    const given = parseFlags(showFlags, argv, ['ID'])
    const client = gatewayClient(given, terminal)
    const found = await standing(client, given)
    const [tightest] = found
    if (tightest === undefined) {
      const scope = given.text('scope')
      throw new CommandError(
        `No budget is set on just that. ${scope === undefined ? 'See: sluice budgets list' : `Those that count there all the same: sluice budgets effective --scope ${scope}`}`,
      )
    }
    if (given.has('json')) terminal.write(JSON.stringify({ ...tightest, budgets: found }, null, 2))
    else terminal.write(statusTable(found))
    return 0
  },
}

async function standing(client: GatewayClient, given: Flags): Promise<readonly BudgetStatusJson[]> {
  const query = new URLSearchParams()
  for (const flag of ['scope', 'key', 'tag', 'model', 'member']) {
    const text = given.text(flag)
    if (text !== undefined) query.set(flag, text)
  }
  const id = given.positional('ID')
  if (id !== undefined) {
    const whose = given.text('member')
    return [
      (await client.admin(`budgets/${budgetId(id)}`, {
        query: new URLSearchParams(whose === undefined ? {} : { member: whose }),
      })) as unknown as BudgetStatusJson,
    ]
  }
  if (!['scope', 'key', 'tag', 'model'].some((flag) => given.has(flag))) throw new UsageError('say which: an id, or --scope, --tag, --key or --model.')
  return (await client.admin('budgets/status', { query }))['budgets'] as readonly BudgetStatusJson[]
}

/** Budgets and how they stand, as a table. */
function statusTable(found: readonly BudgetStatusJson[]): string {
  return table(
    [
      { title: 'budget' },
      { title: 'on' },
      { title: 'used', align: 'right' },
      { title: 'spent', align: 'right' },
      { title: 'held', align: 'right' },
      { title: 'cap', align: 'right' },
      { title: 'line', align: 'right' },
      { title: 'remaining', align: 'right' },
      { title: 'resets' },
    ],
    found.map((status) => {
      const amount = (text: string): string => (status.unit === 'nano-usd' ? dollars(BigInt(text)) : text)
      return [
        printable(status.id),
        printable(`${subjectText(status.budget.subject)}${status.member === null ? '' : ` (${status.member})`}`, 60),
        `${Math.round(status.utilization * 100)}%`,
        amount(status.spent),
        amount(status.held),
        amount(status.cap),
        amount(status.hardCap),
        amount(status.remaining),
        status.resetsAt ?? 'never',
      ]
    }),
  )
}

const listFlags: FlagSpecs = { ...gatewayFlags, json: { about: 'an array of budgets' } }

/** `sluice budgets list`. */
export const budgetsList: Command = {
  usage: 'budgets list [flags]',
  about: 'Lists budgets.',
  flags: listFlags,
  run: async (argv, terminal) => {
    const given = parseFlags(listFlags, argv)
    const found = (await allPages(gatewayClient(given, terminal), 'budgets', 'budgets', new URLSearchParams(), 100_000)) as unknown as readonly BudgetJson[]
    if (given.has('json')) terminal.write(JSON.stringify(found, null, 2))
    else if (found.length === 0) terminal.write('No budget yet. Set one: sluice budgets set --scope PATH --amount-usd 50 --window month')
    else
      terminal.write(
        table(
          ['id', 'on', 'amount', 'window', 'action', 'name'].map((title) => ({ title })),
          found.map((budget) => [
            printable(budget.id),
            printable(subjectText(budget.subject), 60),
            budget.unit === 'nano-usd' ? dollars(BigInt(budget.amount)) : `${budget.amount} ${budget.unit}`,
            windowText(budget),
            `${budget.action} at ${budget.hardPercent}%${budget.sharing === 'each' ? ', each' : ''}`,
            printable(budget.name, 40),
          ]),
        ),
      )
    return 0
  },
}

function windowText({ window }: BudgetJson): string {
  if (window.kind === 'total') return 'total'
  return window.kind === 'rolling' ? `rolling ${window.hours}h` : `${window.kind} (${window.timeZone})`
}

const effectiveFlags: FlagSpecs = {
  ...gatewayFlags,
  developer: { value: 'NAME', about: 'all keys of this developer' },
  scope: { value: 'PATH', about: 'spend that belongs to this scope' },
  key: { value: 'ID', about: 'this key' },
  model: { value: 'M', about: 'asking for this model' },
  repository: { value: 'NAME', about: 'working in this repository' },
  session: { value: 'ID', about: 'in this session' },
  tag: { value: 'NAME=VALUE', about: 'with this tag; repeatable', isRepeatable: true },
  json: { about: 'for programs' },
}

/** `sluice budgets effective`. */
export const budgetsEffective: Command = {
  usage: 'budgets effective --developer NAME | --scope PATH | --key ID [flags]',
  about: 'Tells which budgets count what somebody spends, and why; and says so where a name matches nobody.',
  flags: effectiveFlags,
  run: async (argv, terminal) => {
    const given = parseFlags(effectiveFlags, argv)
    const query = new URLSearchParams()
    for (const flag of ['developer', 'scope', 'key', 'model', 'repository', 'session', 'tag']) for (const text of given.list(flag)) query.append(flag, text)
    const answer = await gatewayClient(given, terminal).admin('budgets/effective', { query })
    tellWarnings(answer, terminal.warn)
    const found = answer['budgets'] as readonly { readonly applies: string; readonly because: readonly string[]; readonly status: BudgetStatusJson }[]
    if (given.has('json')) terminal.write(JSON.stringify(answer, null, 2))
    else if (found.length === 0) terminal.write('No budget counts that.')
    else {
      terminal.write(statusTable(found.map(({ status }) => status)))
      terminal.write('')
      for (const { applies, because, status } of found)
        terminal.write(`${printable(status.id)}: ${applies === 'yes' ? 'counts' : 'may count'}: ${printable(because.join(', '), 300)}`)
    }
    if (!given.has('json') && answer['outside'] !== 0) terminal.write(`${String(answer['outside'])} more count that this token may not see.`)
    return 0
  },
}

const raiseFlags: FlagSpecs = {
  ...gatewayFlags,
  'amount-usd': { value: 'N', about: 'added to its amount, in dollars' },
  tokens: { value: 'N', about: 'or in tokens, where it counts those' },
  requests: { value: 'N', about: 'or in requests, where it counts those' },
  until: { value: 'WHEN', about: 'in force before then: 24h, 3d, 2026-12-01' },
  reason: { value: 'TEXT', about: 'why; kept in the audit log' },
  json: { about: 'the budget, for programs' },
}

/** `sluice budgets raise`. */
export const budgetsRaise: Command = {
  usage: 'budgets raise ID --amount-usd N --until WHEN --reason TEXT',
  about: 'Raises a budget for a while; it ends by itself.',
  flags: raiseFlags,
  run: async (argv, terminal) => {
    const given = parseFlags(raiseFlags, argv, ['ID'])
    const id = budgetId(needed(given.positional('ID'), 'ID', 'bg_0123456789abcdef'))
    const [until, reason] = [given.text('until'), given.text('reason')]
    if (until === undefined || reason === undefined) throw new UsageError('--until and --reason are needed: a raise ends, and somebody will ask why.')
    const { unit, amount } = amountOf(given)
    const client = gatewayClient(given, terminal)
    const before = (await client.admin(`budgets/${id}`)) as unknown as BudgetStatusJson
    if (before.unit !== unit) throw new UsageError(`the budget counts ${before.unit}, and the raise ${unit}. Give it in ${before.unit}.`)
    const at = new Date(toComingInstant('--until', until, terminal.now(), 'UTC')).toISOString()
    const budget = await client.admin(`budgets/${id}/raises`, { method: 'POST', body: { amount, until: at, reason } })
    terminal.write(
      given.has('json')
        ? JSON.stringify(budget, null, 2)
        : `Raised ${id} by ${unit === 'nano-usd' ? dollars(BigInt(amount)) : `${amount} ${unit}`} until ${at}.`,
    )
    return 0
  },
}

const removeFlags: FlagSpecs = { ...gatewayFlags, reason: { value: 'TEXT', about: 'why; kept in the audit log' }, json: { about: 'for programs' } }

/** `sluice budgets remove`. */
export const budgetsRemove: Command = {
  usage: 'budgets remove ID [flags]',
  about: 'Removes a budget. What was spent stays in the ledger.',
  flags: removeFlags,
  run: async (argv, terminal) => {
    const given = parseFlags(removeFlags, argv, ['ID'])
    const id = budgetId(needed(given.positional('ID'), 'ID', 'bg_0123456789abcdef'))
    const reason = given.text('reason')
    const answer = await gatewayClient(given, terminal).admin(`budgets/${id}`, {
      method: 'DELETE',
      query: new URLSearchParams(reason === undefined ? {} : { reason }),
    })
    terminal.write(given.has('json') ? JSON.stringify(answer, null, 2) : `Removed ${id}.`)
    return 0
  },
}

function budgetId(text: string): string {
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(text)) throw new UsageError(`"${text.slice(0, 40)}" is no id of a budget. See: sluice budgets list`)
  return text
}
