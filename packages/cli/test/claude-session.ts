import { spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { claudeBinary } from './claude-binary.ts'

interface Line {
  readonly type: string
  readonly session_id?: string
  readonly total_cost_usd?: number
  readonly is_error?: boolean
  readonly result?: string
  readonly message?: { readonly content?: readonly Record<string, unknown>[] | string }
  readonly event?: { readonly type?: string }
}

/** A session of the real client, as it told it. */
export interface ClaudeSession {
  readonly session: string
  readonly costMicroUsd: bigint
  readonly isError: boolean
  readonly result: string
  /** What was said and done, in order, without ids and times. */
  readonly transcript: readonly string[]
  /** Texts of the assistant, in order. */
  readonly texts: readonly string[]
  /** Types of the stream's events that the client took in, in order. */
  readonly events: readonly string[]
}

/** What a session is run with. */
export interface ClaudeOptions {
  readonly baseUrl: string
  readonly prompt: string
  /** The working directory. */
  readonly directory: string
  /** Its HOME: what it remembers of earlier sessions. */
  readonly home: string
  readonly key?: string
  readonly flags?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
}

/** Runs the real client to its end, without a terminal. */
export async function claudeSession(options: ClaudeOptions): Promise<ClaudeSession> {
  const { baseUrl, prompt, directory, home, key = 'sluice-test-key-0123456789', flags = [], environment = {} } = options
  mkdirSync(home, { recursive: true })
  mkdirSync(directory, { recursive: true })
  const tools = ['--permission-mode', 'acceptEdits', '--allowedTools', 'Bash Read Write Edit Agent']
  const child = spawn(claudeBinary ?? '', ['-p', prompt, '--output-format', 'stream-json', '--verbose', '--include-partial-messages', ...tools, ...flags], {
    cwd: directory,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: '/usr/bin:/bin',
      HOME: home,
      ANTHROPIC_BASE_URL: baseUrl,
      ANTHROPIC_API_KEY: key,
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
      DISABLE_AUTOUPDATER: '1',
      ...environment,
    },
  })
  let output = ''
  let complaint = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()))
  await new Promise((resolve) => child.on('close', resolve))
  const lines = output
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line)
  const result = lines.findLast((line) => line.type === 'result')
  if (result === undefined) throw new Error(`no result: ${complaint || output.slice(-500)}`)
  const blocks = lines.flatMap(blocksOf)
  return {
    session: result.session_id ?? '',
    costMicroUsd: BigInt(Math.round((result.total_cost_usd ?? 0) * 1e6)),
    isError: result.is_error ?? true,
    result: result.result ?? '',
    transcript: blocks.map(({ who, block }) =>
      withoutIds(
        `${who} ${JSON.stringify({ type: block['type'], text: block['text'], name: block['name'], input: block['input'], isError: block['is_error'] })}`,
      ),
    ),
    texts: blocks.flatMap(({ who, block }) => (who === 'assistant' && typeof block['text'] === 'string' ? [block['text']] : [])),
    events: lines.flatMap(({ type, event }) => (type === 'stream_event' && event?.type !== undefined ? [event.type] : [])),
  }
}

function blocksOf({ type, message }: Line): readonly { readonly who: string; readonly block: Record<string, unknown> }[] {
  if (type !== 'assistant' && type !== 'user') return []
  const blocks = typeof message?.content === 'string' ? [{ type: 'text', text: message.content }] : (message?.content ?? [])
  return blocks.map((block) => ({ who: type, block }))
}

function withoutIds(line: string): string {
  return line.replaceAll(/toolu_\w+|[0-9a-f]{17}|[0-9a-f-]{36}/g, 'ID').replaceAll(/duration_ms: \d+|total_duration[^,]*|\d+ms/g, 'TIME')
}
