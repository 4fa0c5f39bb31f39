import { duration, shortCount, unknown } from '../format/figures.ts'
import { dollars } from '../format/money.ts'
import { table, type Column } from '../format/table.ts'
import { printable } from '../terminal.ts'
import type { ExchangeJson } from '@sluice/admin'

const columns: readonly Column[] = [
  { title: 'started' },
  { title: 'id' },
  { title: 'kind' },
  { title: 'model' },
  { title: 'status' },
  { title: 'fresh', align: 'right' },
  { title: 'read', align: 'right' },
  { title: 'write', align: 'right' },
  { title: 'out', align: 'right' },
  { title: 'cost', align: 'right' },
  { title: 'took', align: 'right' },
  { title: 'session' },
  { title: 'repository' },
]

/** Exchanges as a table, in the order given. */
export function exchangesTable(exchanges: readonly ExchangeJson[], timeZone: string): string {
  return table(
    columns,
    exchanges.map((exchange) => {
      const { usage } = exchange
      const tokens = (count: number): string => (usage.source === 'none' ? unknown : shortCount(count))
      return [
        new Date(exchange.startedAt).toLocaleString('sv-SE', { timeZone }),
        exchange.id,
        exchange.attribution.kind.value,
        printable(exchange.billedModel ?? exchange.resolvedModel ?? exchange.requestedModel ?? unknown, 40),
        `${exchange.status ?? unknown} ${printable(exchange.error?.code ?? exchange.outcome, 40)}`,
        tokens(usage.freshInputTokens),
        tokens(usage.cacheReadTokens),
        tokens(usage.cacheWrite5mTokens + usage.cacheWrite1hTokens),
        tokens(usage.outputTokens),
        costText(exchange),
        duration(exchange.durationMillis),
        valueOf(exchange, 'session').slice(0, 8),
        printable(valueOf(exchange, 'repository'), 60),
      ]
    }),
  )
}

/** One exchange with all that is known of it. */
export function exchangeDetail(exchange: ExchangeJson): string {
  const { usage, cost, attribution } = exchange
  const { tags, ...attributed } = attribution
  const known = Object.entries(attributed) as unknown as readonly (readonly [string, { readonly value: string; readonly source: string }])[]
  const rows: readonly (readonly [string, string])[] = [
    ['exchange', exchange.id],
    ['request', `${exchange.method} ${exchange.path}, ${exchange.requestBytes} bytes`],
    [
      'outcome',
      `${exchange.outcome}${exchange.error === null ? '' : ` (${exchange.error.origin}: ${exchange.error.code})`}, status ${exchange.status ?? unknown}${exchange.stopReason === null ? '' : `, ${exchange.stopReason}`}`,
    ],
    ['time', `${exchange.startedAt}, first byte after ${duration(exchange.firstByteMillis)}, took ${duration(exchange.durationMillis)}`],
    ['models', `asked ${exchange.requestedModel ?? unknown}, sent ${exchange.resolvedModel ?? unknown}, billed ${exchange.billedModel ?? unknown}`],
    ...routeRows(exchange),
    ...known.map(([name, { value, source }]) => [name, `${value} (from ${source})`] as const),
    ...Object.entries(tags).map(([name, value]) => [`tag ${name}`, value] as const),
    [
      'usage',
      `${usage.source}: ${usage.freshInputTokens} fresh, ${usage.cacheReadTokens} cache read, ${usage.cacheWrite5mTokens} + ${usage.cacheWrite1hTokens} cache write (5m + 1h), ${usage.outputTokens} output${usage.flags.length === 0 ? '' : ` [${usage.flags.join(', ')}]`}`,
    ],
    ['cost', `${costText(exchange)} (${cost.state}, prices ${cost.priceVersion})`],
    ...exchange.attempts.map(
      ({ upstream, status, failure }, at) => [`attempt ${at + 1}`, `${upstream}: ${status ?? unknown}${failure === undefined ? '' : ` ${failure}`}`] as const,
    ),
    ['upstream', `request-id ${exchange.upstreamRequestId ?? unknown}, message ${exchange.messageId ?? unknown}`],
    ['request in', exchange.requestDigest ?? unknown],
    [
      'request out',
      `${exchange.upstreamRequestDigest ?? unknown}${sameAs(exchange.requestDigest, exchange.upstreamRequestDigest)}${exchange.patches.length === 0 ? '' : `, patches: ${exchange.patches.map(({ name, start, end }) => `${name} at ${start}-${end}`).join(', ')}`}`,
    ],
    ['reply in', exchange.upstreamResponseDigest ?? unknown],
    ['reply out', `${exchange.responseDigest ?? unknown}${sameAs(exchange.upstreamResponseDigest, exchange.responseDigest)}`],
  ]
  const width = Math.max(...rows.map(([name]) => name.length))
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${printable(value, 400)}`).join('\n')
}

/** Where it was sent and by which rule; `sluice explain` tells why. */
function routeRows({ route, id }: ExchangeJson): readonly (readonly [string, string])[] {
  if (route === null) return []
  const place = route.target.model === null ? route.target.upstream : `${route.target.model} at ${route.target.upstream}`
  const rule = route.rule === null ? 'no rule' : `rule ${route.rule}`
  return [['route', `${place}, by ${rule} of policy ${route.policyVersion} (${route.action}); sluice explain ${id} tells why`]]
}

function sameAs(left: string | null, right: string | null): string {
  return left === null || right === null ? '' : left === right ? ' (the same bytes)' : ' (other bytes)'
}

function costText({ usage, cost }: ExchangeJson): string {
  if (usage.source === 'none' || cost.state === 'unpriced') return unknown
  return `${cost.state === 'assumed' ? '~' : ''}${dollars(BigInt(cost.nanoUsd))}`
}

function valueOf({ attribution }: ExchangeJson, name: string): string {
  const found = attribution[name] as { readonly value?: unknown } | undefined
  return typeof found?.value === 'string' ? found.value : unknown
}
