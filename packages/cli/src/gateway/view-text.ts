import type { CacheHealthJson, ConcentrationJson, LeaderboardJson, SessionCostsJson } from '@sluice/admin'
import { count, shortCount, unknown } from '../format/figures.ts'
import { dollars } from '../format/money.ts'
import { table } from '../format/table.ts'
import { printable } from '../terminal.ts'

/** The chargeback views of `sluice report --view`. */
export type ViewName = 'leaderboard' | 'sessions' | 'concentration' | 'cache-health'

/** Every view. */
export const viewNames: readonly ViewName[] = ['leaderboard', 'sessions', 'concentration', 'cache-health']

/** A view as text. */
export function viewText(name: ViewName, view: Readonly<Record<string, unknown>>): string {
  if (name === 'leaderboard') return leaderboardText(view as unknown as LeaderboardJson)
  if (name === 'sessions') return sessionsText(view as unknown as SessionCostsJson)
  return name === 'concentration' ? concentrationText(view as unknown as ConcentrationJson) : cacheText(view as unknown as CacheHealthJson)
}

const right = (title: string): { readonly title: string; readonly align: 'right' } => ({ title, align: 'right' })
const percent = (share: number | null): string => (share === null ? unknown : `${(share * 100).toFixed(1)}%`)
const usd = (nanoUsd: string | null): string => (nanoUsd === null ? unknown : dollars(BigInt(nanoUsd)))

function leaderboardText({ by, places }: LeaderboardJson): string {
  return table(
    [right('place'), { title: by }, right('exchanges'), right('cost'), right('share'), right('together')],
    places.map((place) => [
      String(place.rank),
      place.name === null ? unknown : printable(place.name, 60),
      count(place.exchanges),
      usd(place.costNanoUsd),
      percent(place.share),
      percent(place.cumulativeShare),
    ]),
  )
}

function sessionsText(view: SessionCostsJson): string {
  const most = Math.max(1, ...view.bins.map(({ sessions }) => sessions))
  const last = view.bins.findLastIndex(({ sessions }) => sessions > 0)
  return [
    table(
      [right('from'), right('below'), right('sessions'), right('cost'), { title: '' }],
      view.bins
        .slice(0, last + 1)
        .map((bin) => [usd(bin.fromNanoUsd), usd(bin.toNanoUsd), count(bin.sessions), usd(bin.costNanoUsd), '█'.repeat(Math.ceil((bin.sessions / most) * 40))]),
    ),
    '',
    `${count(view.sessions)} sessions, ${usd(view.costNanoUsd)} in all; half cost up to ${usd(view.medianNanoUsd)}, nine in ten up to ${usd(view.p90NanoUsd)}, the dearest ${usd(view.mostNanoUsd)}.`,
    ...(view.withoutSessionNanoUsd === '0' ? [] : [`${usd(view.withoutSessionNanoUsd)} belong to no session.`]),
  ].join('\n')
}

function concentrationText({ by, members, costNanoUsd, top, gini }: ConcentrationJson): string {
  return [
    table(
      [right('dearest'), right(by), right('cost'), right('share')],
      top.map((part) => [`${part.percent}%`, count(part.members), usd(part.costNanoUsd), percent(part.share)]),
    ),
    '',
    `Of ${count(members)}, ${usd(costNanoUsd)} in all. Gini ${gini.toFixed(2)}: 0 where all spend the same, near 1 where one spends all.`,
  ].join('\n')
}

function cacheText(view: CacheHealthJson): string {
  const all = `Read from the cache: ${percent(view.hitRate)} (${shortCount(view.readTokens)} read, ${shortCount(view.writeTokens)} written, ${shortCount(view.freshTokens)} fresh).`
  if (view.worstSessions.length === 0) return `${all}\nNo session has had two exchanges, so there is nothing to tell of any.`
  return [
    all,
    '',
    'Sessions with the most tokens that were not:',
    '',
    table(
      [{ title: 'session' }, ...['exchanges', 'read', 'written', 'fresh', 'hit rate', 'cost', 'missed', 'in a row', 'lost'].map(right), { title: 'alarm' }],
      view.worstSessions.map((session) => [
        printable(session.session, 60),
        count(session.exchanges),
        shortCount(session.readTokens),
        shortCount(session.writeTokens),
        shortCount(session.freshTokens),
        percent(session.hitRate),
        usd(session.costNanoUsd),
        count(session.missedTurns),
        count(session.missedInARow),
        usd(session.lostNanoUsd),
        session.alarm === null ? '' : `since ${session.alarm.at.slice(0, 16).replace('T', ' ')} UTC`,
      ]),
    ),
    '',
    ...(view.alarms === 0
      ? ['None of them wrote its prompt anew three turns in a row.']
      : [
          `${count(view.alarms)} of them wrote their prompt anew three turns in a row or more, and hardly read it: something at its beginning changes from turn to turn.`,
        ]),
    `What was written or sent anew, and should have been in the cache, cost ${usd(view.lostNanoUsd)} more than reading it would have.`,
  ].join('\n')
}
