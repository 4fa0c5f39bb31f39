import { spawn } from 'node:child_process'
import { isRecord } from './json.ts'
import type { ClientVersion } from './client-version.ts'

/** One start of Claude Code, to its end. */
export interface ClaudeRun {
  /** `null` when it was killed: it took too long. */
  readonly exitCode: number | null
  /** The objects of its `stream-json` output, in order. */
  readonly events: readonly Readonly<Record<string, unknown>>[]
  /** What it wrote that is no JSON object, and its complaints. */
  readonly complaint: string
}

/** Where and how Claude Code is run. */
export interface ClaudePlace {
  readonly client: ClientVersion
  /** Its home: nothing of the user's own is read or written. */
  readonly home: string
  /** Where it works. */
  readonly directory: string
  /** What it takes for the API. */
  readonly baseUrl: string
  readonly key: string
  /** After this long it is killed. */
  readonly limitMillis: number
}

/** The tools that may be used without asking: nobody is there to ask. */
const ALLOWED = 'Bash Read Write Edit MultiEdit Glob Grep LS Agent Task WebSearch StructuredOutput'

/**
 * Runs Claude Code without a terminal, in a home of its own. Resolves when it has ended, however it did.
 *
 * @param words - the prompt, then further flags
 * @param environment - variables on top of those that every run has
 */
export async function runClaude(place: ClaudePlace, words: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<ClaudeRun> {
  const [program, ...first] = place.client.command
  const flags = ['--output-format', 'stream-json', '--verbose', '--permission-mode', 'acceptEdits', '--allowedTools', ALLOWED]
  const [prompt = '', ...further] = words
  const child = spawn(program, [...first, '-p', prompt, ...flags, ...further], {
    cwd: place.directory,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: '/usr/local/bin:/usr/bin:/bin',
      TZ: 'UTC',
      LANG: 'C.UTF-8',
      HOME: place.home,
      CLAUDE_CONFIG_DIR: `${place.home}/.claude`,
      ANTHROPIC_BASE_URL: place.baseUrl,
      ANTHROPIC_API_KEY: place.key,
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
      DISABLE_TELEMETRY: '1',
      DISABLE_ERROR_REPORTING: '1',
      DISABLE_AUTOUPDATER: '1',
      ...environment,
    },
  })
  let output = ''
  let complaint = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()))
  const timer = setTimeout(() => child.kill('SIGKILL'), place.limitMillis)
  const exitCode = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  clearTimeout(timer)
  const events: Record<string, unknown>[] = []
  for (const line of output.split('\n').filter((text) => text.trim() !== '')) {
    const value = objectOf(line)
    if (value === undefined) complaint += `${line}\n`
    else events.push(value)
  }
  return { exitCode, events, complaint }
}

/** How a run says that it went. */
export interface ClaudeResult {
  readonly subtype: string
  readonly isError: boolean
  readonly text: string
  readonly session: string
  readonly costUsd: number
}

/** The last `result` of a run; `undefined` when it ended without one. */
export function resultOf(run: ClaudeRun): ClaudeResult | undefined {
  const last = run.events.findLast(({ type }) => type === 'result')
  if (last === undefined) return undefined
  return {
    subtype: String(last['subtype']),
    isError: last['is_error'] === true,
    text: typeof last['result'] === 'string' ? last['result'] : '',
    session: String(last['session_id']),
    costUsd: Number(last['total_cost_usd'] ?? 0),
  }
}

function objectOf(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}
