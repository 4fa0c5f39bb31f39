import type { WhatIfJson, WhatIfRowJson } from '@sluice/admin'
import { count, shortCount, unknown } from '../format/figures.ts'
import { dollars } from '../format/money.ts'
import { table } from '../format/table.ts'
import { printable } from '../terminal.ts'

const mostRows = 15
/** Of hours and days, which are read as a course. */
const mostTimes = 100

/** The answer of what-if as text: the sum, by group, whom a budget would have stopped, the cache, and what all of it rests on. */
export function whatIfText(answer: WhatIfJson, groupBy: string | undefined, timeZone: string): string {
  const at = (iso: string): string => new Date(iso).toLocaleString('sv-SE', { timeZone }).slice(0, 16)
  if (answer.exchanges === 0 || answer.firstAt === null || answer.lastAt === null) return 'No exchange matches. Widen --since, --until or --where.'
  return [
    `${count(answer.exchanges)} exchanges from ${at(answer.firstAt)} to ${at(answer.lastAt)} (${timeZone}).`,
    `They cost ${usd(answer.recordedNanoUsd)}; with the change they would have cost ${usd(answer.projectedNanoUsd)}: ${difference(answer)}.`,
    ...rowsText('by model', 'model', answer.byModel),
    ...rowsText('by scope', 'scope', answer.byScope.length === 1 && answer.byScope[0]?.group === null ? [] : answer.byScope),
    ...rowsText(`by ${groupBy ?? ''}`, groupBy ?? '', answer.byGroup, groupBy === 'hour' || groupBy === 'day' ? mostTimes : mostRows),
    '',
    `To another model: ${count(answer.moved)}. Refused by the policy: ${count(answer.denied)}. Stopped by a budget: ${count(answer.blocked.reduce((sum, { exchanges }) => sum + exchanges, 0))}.`,
    ...blockedText(answer, at),
    ...answer.thresholds
      .slice(0, mostRows)
      .map(({ name, account, budget, percent, at: when }) => `  ${percent} % of "${printable(name, 80)}"${member(account, budget)} passed at ${at(when)}`),
    ...(answer.thresholds.length > mostRows ? [`  … and ${answer.thresholds.length - mostRows} more thresholds`] : []),
    `Cache: ${shortCount(answer.cache.recordedReadTokens)} tokens read, ${shortCount(answer.cache.recordedWriteTokens)} written; with the change ${shortCount(answer.cache.projectedReadTokens)} read, ${shortCount(answer.cache.projectedWriteTokens)} written.`,
    '',
    'This rests on:',
    ...answer.assumptions.map((assumption) => `  - ${printable(assumption, 400)}`),
  ].join('\n')
}

function rowsText(title: string, column: string, rows: readonly WhatIfRowJson[], most: number = mostRows): readonly string[] {
  if (rows.length === 0) return []
  const right = (name: string): { readonly title: string; readonly align: 'right' } => ({ title: name, align: 'right' })
  return [
    '',
    `${title}:`,
    table(
      [{ title: column }, right('exchanges'), right('recorded'), right('would be'), right('difference')],
      rows
        .slice(0, most)
        .map((row) => [
          row.group === null ? unknown : printable(row.group, 60),
          count(row.exchanges),
          usd(row.recordedNanoUsd),
          usd(row.projectedNanoUsd),
          signed(BigInt(row.projectedNanoUsd) - BigInt(row.recordedNanoUsd)),
        ]),
    ),
    ...(rows.length > most ? [`… and ${rows.length - most} more; --json has all`] : []),
  ]
}

function blockedText({ blocked }: WhatIfJson, at: (iso: string) => string): readonly string[] {
  return [
    ...blocked
      .slice(0, mostRows)
      .map(
        (one) =>
          `  "${printable(one.name, 80)}"${member(one.account, one.budget)}: ${count(one.exchanges)} exchanges of ${count(one.sessions)} ${one.sessions === 1 ? 'session' : 'sessions'}, from ${at(one.firstAt)} to ${at(one.lastAt)}; they had cost ${usd(one.costNanoUsd)}`,
      ),
    ...(blocked.length > mostRows ? [`  … and ${blocked.length - mostRows} more`] : []),
  ]
}

/** Whose pot it is, where each has one. */
function member(account: string, budget: string): string {
  return account === budget ? '' : ` of ${printable(account.slice(budget.length + 1), 80)}`
}

function usd(nanoUsd: string): string {
  return dollars(BigInt(nanoUsd))
}

function signed(nanoUsd: bigint): string {
  return nanoUsd > 0n ? `+${dollars(nanoUsd)}` : dollars(nanoUsd)
}

function difference({ recordedNanoUsd, projectedNanoUsd }: WhatIfJson): string {
  const [recorded, projected] = [BigInt(recordedNanoUsd), BigInt(projectedNanoUsd)]
  if (recorded === projected) return 'the same'
  const percent = recorded === 0n ? undefined : (Number(((projected - recorded) * 10_000n) / recorded) / 100).toFixed(1)
  return `${dollars(projected > recorded ? projected - recorded : recorded - projected)} ${projected > recorded ? 'more' : 'less'}${percent === undefined ? '' : ` (${projected > recorded ? '+' : ''}${percent} %)`}`
}
