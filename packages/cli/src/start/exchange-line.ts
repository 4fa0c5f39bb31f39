import type { LedgerEntry } from '@sluice/core'
import { duration, shortCount, unknown } from '../format/figures.ts'
import { dollars } from '../format/money.ts'
import { padded } from '../format/table.ts'
import { printable, type Terminal } from '../terminal.ts'

/** A column of the live log: its title, its width, and which side its text stands on. */
const columns = [
  ['time', 8, 'left'],
  ['kind', 13, 'left'],
  ['model', 18, 'left'],
  ['status', 25, 'left'],
  ['fresh', 5, 'right'],
  ['read', 5, 'right'],
  ['write', 5, 'right'],
  ['out', 5, 'right'],
  ['cost', 10, 'right'],
  ['took', 6, 'right'],
  ['session', 8, 'left'],
  ['repository', 0, 'left'],
] as const

/** The titles of the live log's columns. */
export function exchangeTitles({ style }: Pick<Terminal, 'style'>): string {
  return style('dim', line(columns.map(([title]) => title)))
}

/** One line about an exchange: who, what, how it ended, what it cost. No prompt, no key, nothing that a terminal would obey. */
export function exchangeLine(entry: LedgerEntry, { style }: Pick<Terminal, 'style'>, timeZone: string): string {
  const { attribution, usage, cost, outcome } = entry
  const { total } = usage
  const isCounted = usage.source !== 'none'
  const tokens = (count: number): string => (isCounted ? shortCount(count) : unknown)
  const kind = attribution.kind.value === 'other' ? printable(`${entry.method} ${entry.path.replace(/^\/v1\//, '')}`, 30) : attribution.kind.value
  const model = entry.billedModel ?? entry.resolvedModel ?? entry.requestedModel
  const cells = [
    new Date(entry.endedAt).toLocaleTimeString('en-GB', { timeZone }),
    kind,
    model === undefined ? unknown : shortModel(printable(model, 60)),
    `${entry.status ?? unknown} ${outcome.error === undefined ? outcome.kind : printable(outcome.error.code, 40)}`,
    tokens(total.freshInputTokens),
    tokens(total.cacheReadTokens),
    tokens(total.cacheWrite5mTokens + total.cacheWrite1hTokens),
    isCounted && usage.source !== 'final' ? `~${shortCount(total.outputTokens)}` : tokens(total.outputTokens),
    costText(entry),
    duration(entry.endedAt - entry.startedAt),
    attribution.session === undefined ? unknown : printable(attribution.session.value, 100).slice(0, 8),
    attribution.repository === undefined ? unknown : printable(attribution.repository.value, 60),
  ]
  const text = [line(cells.map((cell, at) => cut(cell, columns[at]?.[1] ?? 0))), ...detour(entry)].join('  ')
  return outcome.kind === 'completed'
    ? cost.state === 'assumed' || cost.state === 'unpriced'
      ? style('yellow', text)
      : text
    : style(outcome.kind === 'client-gone' ? 'yellow' : 'red', text)
}

function costText({ cost, usage }: LedgerEntry): string {
  if (usage.source === 'none' || cost.state === 'unpriced') return unknown
  return cost.state === 'assumed' ? `~${dollars(cost.nanoUsd)}` : dollars(cost.nanoUsd)
}

/**
 * Where an exchange went, if that is not where its client asked, or not where it was sent first: `[opus-5-5 -> haiku-5-5 at second by side-calls after first 529]`.
 * And where a rule wanted it elsewhere, and it was kept: `[kept: haiku-4-5 not-accepted, rules[0]]`.
 */
function detour({ requestedModel, resolvedModel, attempts, route }: LedgerEntry): readonly string[] {
  const last = attempts.at(-1)
  if (last === undefined) return []
  const isOther = requestedModel !== undefined && resolvedModel !== undefined && requestedModel !== resolvedModel
  const isChosen = route?.candidates.some(({ verdict }) => verdict === 'chosen') ?? false
  const before = attempts.slice(0, -1).filter(({ upstream }) => upstream !== last.upstream)
  const rule = route?.rule === undefined ? undefined : printable(route.rule, 64)
  const turnedDown = route?.candidates.find(({ verdict }) => verdict !== 'chosen' && verdict !== 'same' && verdict !== 'passed-over')
  const isMoved = isOther || isChosen
  const parts = [
    ...(isOther ? [`${shortModel(printable(requestedModel, 60))} -> ${shortModel(printable(resolvedModel, 60))}`] : []),
    ...(isMoved || before.length > 0 ? [`at ${printable(last.upstream, 64)}`] : []),
    ...(rule !== undefined && isMoved ? [`by ${rule}`] : []),
    ...(before.length > 0
      ? [`after ${before.map(({ upstream, status, failure }) => `${printable(upstream, 64)} ${status ?? failure ?? unknown}`).join(', ')}`]
      : []),
    ...(!isMoved && turnedDown !== undefined
      ? [`kept: ${shortModel(printable(turnedDown.model ?? turnedDown.upstream, 60))} ${turnedDown.verdict}, ${rule ?? 'no rule'}`]
      : []),
  ]
  return parts.length === 0 ? [] : [`[${parts.join(' ')}]`]
}

/** Without what every model's name begins with. */
function shortModel(model: string): string {
  return model.replace(/^claude-/, '')
}

function cut(text: string, width: number): string {
  return width > 0 && text.length > width ? `${text.slice(0, width - 1)}…` : text
}

function line(cells: readonly string[]): string {
  return columns
    .map(([, width, align], at) => padded(cells[at] ?? '', width, align))
    .join(' ')
    .trimEnd()
}
