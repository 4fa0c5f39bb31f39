import { connect } from 'node:net'
import { startRehearsal, type Rehearsal, type RehearsalCall, type RehearsalOptions } from '../src/index.ts'

/** Runs one test against a rehearsal of its own, closed afterwards. */
export async function withRehearsal(options: RehearsalOptions, run: (rehearsal: Rehearsal) => Promise<void>): Promise<void> {
  const rehearsal = await startRehearsal(options)
  try {
    await run(rehearsal)
  } finally {
    await rehearsal.close()
  }
}

/** A request body with defaults. */
export function prompt(overrides: object = {}): object {
  return {
    model: 'claude-opus-5-5',
    max_tokens: 1024,
    stream: true,
    messages: [{ role: 'user', content: 'hello' }],
    ...overrides,
  }
}

/** Posts to `/v1/messages` as a client would; `scenario` goes into the header. */
export async function post(rehearsal: Rehearsal, scenario: string | undefined, body: object = prompt(), init: RequestInit = {}): Promise<Response> {
  return await fetch(`${rehearsal.url}/v1/messages`, {
    method: 'POST',
    body: JSON.stringify(body),
    ...init,
    headers: {
      'content-type': 'application/json',
      'anthropic-version': '2023-06-01',
      'x-api-key': 'sk-test',
      ...(scenario === undefined ? {} : { 'x-rehearsal-scenario': scenario }),
      ...(init.headers as Record<string, string> | undefined),
    },
  })
}

/** The bytes of a body. */
export async function bytesOf(response: Response): Promise<Uint8Array> {
  return new Uint8Array(await response.arrayBuffer())
}

/** The newest call, once it has ended. */
export async function lastCall(rehearsal: Rehearsal): Promise<RehearsalCall> {
  const call = rehearsal.calls.at(-1)
  if (call === undefined) throw new Error('no call arrived')
  await call.settled
  return call
}

/** What a raw socket saw: everything received, and whether it ended by FIN or by an error such as ECONNRESET. */
export interface SocketView {
  readonly text: string
  readonly ending: string
}

/** Sends a request over a bare socket and watches how the connection ends. */
export async function overSocket(rehearsal: Rehearsal, scenario: string, body: object = prompt()): Promise<SocketView> {
  const bytes = Buffer.from(JSON.stringify(body))
  const head = `POST /v1/messages HTTP/1.1\r\nhost: x\r\nanthropic-version: 2023-06-01\r\nx-rehearsal-scenario: ${scenario}\r\ncontent-length: ${bytes.length}\r\n\r\n`
  return await new Promise((resolve) => {
    const socket = connect(rehearsal.port, '127.0.0.1', () => socket.write(Buffer.concat([Buffer.from(head), bytes])))
    let text = ''
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()))
    socket.on('end', () => resolve({ text, ending: 'fin' }))
    socket.on('error', (error: NodeJS.ErrnoException) => resolve({ text, ending: error.code ?? 'error' }))
  })
}
