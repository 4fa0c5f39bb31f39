import { assistant } from './assistant.ts'
import { br, gzip, zstd } from './encodings.ts'
import { error, errorThenOk, overloaded, promptTooLong, rateLimited, spendLimit } from './errors.ts'
import { long } from './long.ts'
import { parallelTools } from './parallel-tools.ts'
import type { Scenario } from './scenario.ts'
import { cut, garbageJson, midStreamError, silent, slowDrip, stall } from './stream-faults.ts'
import { crlf, hugeEvent, noUsage, oddChunking, unknownEvent } from './stream-shapes.ts'
import { structured } from './structured.ts'
import { subAgents } from './sub-agents.ts'
import { text } from './text.ts'
import { thinking } from './thinking.ts'
import { toolCall } from './tool-call.ts'
import { toolLoop } from './tool-loop.ts'
import { webSearch } from './web-search.ts'

/** Every scenario, in the order they are listed. */
export const SCENARIOS: readonly Scenario[] = Object.freeze([
  assistant,
  text,
  thinking,
  toolCall,
  parallelTools,
  toolLoop,
  subAgents,
  webSearch,
  structured,
  error,
  overloaded,
  rateLimited,
  spendLimit,
  promptTooLong,
  errorThenOk,
  midStreamError,
  cut,
  stall,
  slowDrip,
  silent,
  noUsage,
  oddChunking,
  hugeEvent,
  crlf,
  unknownEvent,
  gzip,
  br,
  zstd,
  garbageJson,
  long,
])

const BY_NAME: ReadonlyMap<string, Scenario> = new Map(SCENARIOS.map((scenario) => [scenario.name, scenario]))

/** The scenario of that name. */
export function scenarioNamed(name: string): Scenario | undefined {
  return BY_NAME.get(name)
}
