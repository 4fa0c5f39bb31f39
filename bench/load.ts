import { Agent, request } from 'node:http'

/** One request's figures, in milliseconds. */
export interface Timing {
  readonly firstByteMillis: number
  readonly totalMillis: number
  readonly bytes: number
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
  const metadata = { user_id: JSON.stringify({ device_id: 'd'.repeat(64), account_uuid: '', session_id: '7f9c24e5-2f1b-4b7e-9d3a-0c5f7e2b8a11' }) }
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
  readonly #port: number
  readonly #key: string
  readonly #agent: Agent

  constructor({ port, key }: { readonly port: number; readonly key: string }, concurrency: number) {
    this.#port = port
    this.#key = key
    this.#agent = new Agent({ keepAlive: true, maxSockets: concurrency })
  }

  /** One exchange. @throws Error on any status but 200 or an unexpected end */
  exchange(body: Buffer, frames: number): Promise<Timing> {
    return new Promise((resolve, reject) => {
      const startedAt = performance.now()
      const call = request(
        {
          agent: this.#agent,
          host: '127.0.0.1',
          port: this.#port,
          method: 'POST',
          path: '/v1/messages?beta=true',
          headers: {
            'content-type': 'application/json',
            'content-length': body.length,
            authorization: `Bearer ${this.#key}`,
            'anthropic-version': '2023-06-01',
            'user-agent': 'claude-cli/2.1.330 (external, cli)',
            'x-app': 'cli',
            'x-claude-code-session-id': '7f9c24e5-2f1b-4b7e-9d3a-0c5f7e2b8a11',
            'x-bench-frames': frames,
          },
        },
        (response) => {
          if (response.statusCode !== 200) return reject(new Error(`status ${response.statusCode}`))
          let firstByteMillis = 0
          let bytes = 0
          response.on('data', (chunk: Buffer) => {
            if (bytes === 0) firstByteMillis = performance.now() - startedAt
            bytes += chunk.length
          })
          response.on('end', () => resolve({ firstByteMillis, totalMillis: performance.now() - startedAt, bytes }))
          response.on('error', reject)
        },
      )
      call.on('error', reject)
      call.end(body)
    })
  }

  /** `count` exchanges, `concurrency` at a time. */
  async run(count: number, concurrency: number, body: Buffer, frames: number): Promise<readonly Timing[]> {
    const timings: Timing[] = []
    let left = count
    await Promise.all(
      Array.from({ length: concurrency }, async () => {
        while (left > 0) {
          left -= 1
          timings.push(await this.exchange(body, frames))
        }
      }),
    )
    return timings
  }

  close(): void {
    this.#agent.destroy()
  }
}
