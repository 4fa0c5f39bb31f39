import type { CacheAlarm } from '@sluice/admin'
import { shortCount } from '../format/figures.ts'
import { dollars } from '../format/money.ts'
import { printable } from '../terminal.ts'

/** An alarm about a session's cache, for the operator. */
export function cacheAlarmText({ session, agent, model, turns, lostTokens, lostNanoUsd }: CacheAlarm): string {
  const whose = agent === undefined ? '' : `, agent ${printable(agent, 60)},`
  return `Cache: session ${printable(session, 60)}${whose} on ${printable(model, 60)} has written its prompt anew ${turns} turns in a row and hardly read it: ${shortCount(lostTokens)} tokens and ${dollars(lostNanoUsd)} lost so far. Something at the beginning of its prompt changes from turn to turn. See: sluice report --view cache-health`
}
