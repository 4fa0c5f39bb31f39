import { Agent, request, type IncomingMessage } from 'node:http'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { BenchTarget } from './targets.ts'

/** One request's figures. */
export interface Timing {
  readonly firstByteMillis: number
  readonly totalMillis: number
  readonly bytes: number
}

/** Where load is sent. */
export type Door = Pick<BenchTarget, 'port' | 'headers'>

const commonHeaders = {
  'content-type': 'application/json',
  'anthropic-version': '2023-06-01',
  'user-agent': 'claude-cli/2.1.330 (external, cli)',
  'x-app': 'cli',
  'x-claude-code-session-id': '7f9c24e5-2f1b-4b7e-9d3a-0c5f7e2b8a11',
}

/** A body shaped like Claude Code's: a short head, an environment message, a long history, `stream` at the end. */
export function claudeCodeBody(bytes: number): Buffer {
  const environment =
    '# Environment\nYou have been invoked in the following environment: \n - Primary working directory: /home/dev/projects/payments-api\n - Is a git repository: true\n'
  const turn = (text: string): object => ({ role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_01', content: text }] })
  const messages: object[] = [
    { role: 'user', content: 'Fix the failing test.' },
    { role: 'system', content: environment },
  ]
  // Real bodies of 140 to 180 KB hold a quote every 120 to 350 bytes and a backslash every 50 to 240 (measured with 2.1.330).
  const line =
    'export const total = rows.reduce((sum, row) => sum + row.amount, 0) // amounts are in cents; see "money.md" for the rounding rules that apply here, and the note on currencies that have no minor unit, or three digits of it\n  if (total === 0) return undefined\n'
  for (let size = 2_000; size < bytes; size += 8_192) messages.push(turn(line.repeat(Math.ceil(Math.min(8_192, bytes - size) / (line.length + 6)))))
  const metadata = { user_id: JSON.stringify({ device_id: 'd'.repeat(64), account_uuid: '', session_id: commonHeaders['x-claude-code-session-id'] }) }
  return Buffer.from(
    JSON.stringify({
      model: 'claude-opus-5-5',
      messages,
      system: [{ type: 'text', text: 'You are a coding agent.' }],
      metadata,
      max_tokens: 128_000,
      stream: true,
    }),
  )
}

/** Sends requests over a pool of kept-alive connections. */
export class Load {
  readonly #door: Door
  readonly #agent: Agent

  constructor(door: Door, concurrency: number) {
    this.#door = door
    this.#agent = new Agent({ keepAlive: true, maxSockets: concurrency })
  }

  /** One exchange; `onData` sees the reply's bytes as they come. @throws Error on any status but 200 or an unexpected end */
  exchange(body: Buffer, onData?: (chunk: Buffer) => void): Promise<Timing> {
    return new Promise((resolve, reject) => {
      const startedAt = performance.now()
      const call = request(
        {
          agent: this.#agent,
          host: '127.0.0.1',
          port: this.#door.port,
          method: 'POST',
          path: '/v1/messages?beta=true',
          headers: { ...commonHeaders, 'content-length': body.length, ...this.#door.headers },
        },
        (response) => {
          if (response.statusCode !== 200) {
            void refused(response).then(reject, reject)
            return
          }
          let firstByteMillis = 0
          let bytes = 0
          response.on('data', (chunk: Buffer) => {
            if (bytes === 0) firstByteMillis = performance.now() - startedAt
            bytes += chunk.length
            onData?.(chunk)
          })
          response.on('end', () => resolve({ firstByteMillis, totalMillis: performance.now() - startedAt, bytes }))
          response.on('error', reject)
        },
      )
      call.on('error', reject)
      call.end(body)
    })
  }

  /** Exchanges for so long, `concurrency` at a time; what is under way at the end is waited for. */
  async runFor(millis: number, concurrency: number, body: Buffer): Promise<readonly Timing[]> {
    const timings: Timing[] = []
    const until = performance.now() + millis
    await Promise.all(
      Array.from({ length: concurrency }, async () => {
        while (performance.now() < until) timings.push(await this.exchange(body))
      }),
    )
    return timings
  }

  close(): void {
    this.#agent.destroy()
  }
}

async function refused(response: IncomingMessage): Promise<Error> {
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  return new Error(`status ${response.statusCode}: ${Buffer.concat(chunks).toString().slice(0, 300)}`)
}

/**
 * Opens streams until there are so many, of which each has its first bytes and waits for more. Adds to `sockets`.
 *
 * @throws Error where one is refused, or they are not all open within the limit
 */
export async function openStreams(door: Door, sockets: Socket[], count: number, limitMillis: number): Promise<void> {
  const signal = AbortSignal.timeout(limitMillis)
  const body = claudeCodeBody(0)
  const headers = { ...commonHeaders, ...door.headers, host: '127.0.0.1', 'content-length': String(body.length) }
  const head = Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')
  const start = Buffer.concat([Buffer.from(`POST /v1/messages?beta=true HTTP/1.1\r\n${head}\r\n`), body])
  while (sockets.length < count) {
    await Promise.all(
      Array.from({ length: Math.min(50, count - sockets.length) }, async () => {
        const socket = connect(door.port, '127.0.0.1')
        sockets.push(socket)
        socket.on('error', () => undefined)
        await once(socket, 'connect', { signal })
        socket.write(start)
        const [first] = (await once(socket, 'data', { signal })) as [Buffer]
        if (!first.toString('latin1').startsWith('HTTP/1.1 200')) throw new Error(`refused: ${first.toString('latin1').slice(0, 80)}`)
      }),
    )
  }
}
