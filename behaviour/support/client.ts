import { Agent, request as httpRequest, type IncomingMessage } from 'node:http'
import { connect, type Socket } from 'node:net'

export type Headers = readonly (readonly [string, string])[]

/** What a test's client sends. */
export interface Ask {
  readonly method?: string
  readonly path?: string
  readonly headers?: Headers
  readonly body?: Uint8Array | string
  /** Sends the body chunked, in these pieces; in place of `body`. */
  readonly pieces?: readonly Uint8Array[]
  readonly profile?: string
  /** Told of each chunk as it arrives; may destroy the response. */
  readonly onChunk?: (chunk: Buffer, reply: IncomingMessage) => void
  readonly onHead?: (reply: IncomingMessage) => void
  /** Lets the client leave, also before the head. */
  readonly leave?: AbortSignal
}

/** What it got. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: Buffer
  /** False where the connection broke within the body. */
  readonly isWhole: boolean
}

/** A client of one server that changes nothing: raw headers in, raw headers and bytes out. */
export class Client {
  readonly #port: number
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 })

  readonly #leavesBy: 'close' | 'reset'

  /** @param leavesBy - how it hangs up: closing its socket, or resetting it. */
  constructor(port: number, leavesBy: 'close' | 'reset' = 'close') {
    this.#port = port
    this.#leavesBy = leavesBy
  }

  /** Hangs up. */
  leave(message: { readonly socket: Socket | null; readonly destroy: () => unknown }): void {
    if (this.#leavesBy === 'reset') message.socket?.resetAndDestroy()
    else message.destroy()
  }

  close(): void {
    this.#agent.destroy()
  }

  ask(ask: Ask): Promise<Answer> {
    const { method = 'POST', path = '/v1/messages', body, pieces, onChunk, onHead } = ask
    const bytes = typeof body === 'string' ? Buffer.from(body) : body
    const headers = [['host', `127.0.0.1:${this.#port}`], ...(ask.headers ?? [])] as [string, string][]
    if (ask.profile !== undefined) headers.push(['x-sluice-profile', ask.profile])
    const has = (name: string): boolean => headers.some(([key]) => key.toLowerCase() === name)
    if (method === 'POST' && !has('content-type')) headers.push(['content-type', 'application/json'])
    if (pieces !== undefined) headers.push(['transfer-encoding', 'chunked'])
    else if (bytes !== undefined) headers.push(['content-length', String(bytes.length)])
    return new Promise((resolve, reject) => {
      const options = { port: this.#port, host: '127.0.0.1', agent: this.#agent, method, path, headers: headers.flat() }
      const request = httpRequest(options, (reply) => {
        const chunks: Buffer[] = []
        onHead?.(reply)
        reply.on('data', (chunk: Buffer) => {
          chunks.push(chunk)
          onChunk?.(chunk, reply)
        })
        reply.on('error', () => undefined)
        reply.once('close', () =>
          resolve({ status: reply.statusCode ?? 0, headers: pairs(reply.rawHeaders), body: Buffer.concat(chunks), isWhole: reply.complete }),
        )
      })
      ask.leave?.addEventListener('abort', () => this.leave(request), { once: true })
      let hasAnswer = false
      request.once('response', () => {
        hasAnswer = true
      })
      request.on('error', (error) => {
        // A server that has answered may close before it has read everything.
        if (!hasAnswer) reject(error)
      })
      if (has('expect')) {
        request.once('continue', () => request.end(bytes))
        request.flushHeaders()
      } else if (pieces === undefined) request.end(bytes)
      else void writeAll(request, pieces)
    })
  }

  /** Sends bytes as they are on a socket of their own, and gives back everything until the server closes or falls silent. */
  raw(text: string | Uint8Array, silentMillis = 1500): Promise<string> {
    return new Promise((resolve) => {
      const socket = connect(this.#port, '127.0.0.1')
      let got = ''
      socket.setTimeout(silentMillis, () => socket.destroy())
      socket.on('data', (chunk) => {
        got += chunk.toString('latin1')
        // An answer with a length is over when that much is here; others end with the connection, or by silence.
        const length = /^content-length: *(\d+)/im.exec(got)?.[1]
        const bodyAt = got.indexOf('\r\n\r\n')
        if (bodyAt !== -1 && length !== undefined && got.length >= bodyAt + 4 + Number(length)) socket.destroy()
        if (got.endsWith('0\r\n\r\n')) socket.destroy()
      })
      socket.on('error', () => undefined)
      socket.once('close', () => resolve(got))
      socket.write(text)
    })
  }
}

async function writeAll(request: ReturnType<typeof httpRequest>, pieces: readonly Uint8Array[]): Promise<void> {
  for (const piece of pieces) {
    if (request.destroyed) return
    if (!request.write(piece)) await taken(request)
  }
  request.end()
}

/** Resolves when a request goes on, or is over. */
function taken(request: ReturnType<typeof httpRequest>): Promise<void> {
  return new Promise((resolve) => {
    const goOn = (): void => {
      request.off('drain', goOn).off('close', goOn)
      resolve()
    }
    request.on('drain', goOn).on('close', goOn)
  })
}

export function pairs(raw: readonly string[]): [string, string][] {
  const list: [string, string][] = []
  for (let at = 0; at < raw.length; at += 2) list.push([raw[at] as string, raw[at + 1] as string])
  return list
}

/** The first value of a header. */
export function header(headers: Headers, name: string): string | undefined {
  return headers.find(([key]) => key.toLowerCase() === name)?.[1]
}
