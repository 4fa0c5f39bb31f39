import type { IncomingMessage, ServerResponse } from 'node:http'
import { toHeaders, type Header } from '../headers.ts'
import type { SeenRequest, UpstreamTurn } from './lane.ts'

/** What a request looked like. The body is read once, when it is first asked for. */
export function seenRequest(request: IncomingMessage, connection: number): SeenRequest {
  let body: Promise<Buffer> | undefined
  return {
    method: request.method ?? '',
    target: request.url ?? '',
    httpVersion: request.httpVersion,
    headers: toHeaders(request.rawHeaders),
    connection,
    body: () => (body ??= bodyOf(request)),
  }
}

function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const body = new Promise<Buffer>((resolve, reject) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => resolve(Buffer.concat(chunks)))
    const broken = (): void => {
      if (!request.complete) reject(new Error('the request body broke off'))
    }
    request.on('error', broken)
    request.on('close', broken)
  })
  // Whoever asks is told; a case that never asks must not end the process.
  body.catch(() => undefined)
  return body
}

/** Puts a request and its response into the hands of a script. */
export function upstreamTurn(request: SeenRequest, number: number, response: ServerResponse): UpstreamTurn {
  // A connection may be gone by the time a script asks for it: what is written to it then goes nowhere.
  const socket = response.socket
  let isGone = socket?.destroyed ?? true
  const gone = new Promise<void>((resolve) => {
    response.on('close', () => {
      if (response.writableFinished) return
      isGone = true
      resolve()
    })
  })
  response.on('error', () => undefined)
  response.sendDate = false
  // A script may have many writes under way, and each waits for the connection to take more.
  response.setMaxListeners(0)
  return {
    request,
    number,
    head: (status, headers = []) => {
      if (isGone) return
      response.writeHead(
        status,
        headers.flatMap(([name, value]: Header) => [name, value]),
      )
      response.flushHeaders()
    },
    write: async (bytes) => {
      if (isGone) return false
      if (response.write(bytes)) return true
      await new Promise<void>((resolve) => {
        response.once('drain', resolve)
        response.once('close', resolve)
      })
      return !isGone
    },
    end: (bytes) => {
      if (isGone) return
      if (bytes === undefined) response.end()
      else response.end(bytes)
    },
    reset: () => {
      socket?.resetAndDestroy()
    },
    close: () => {
      socket?.end()
    },
    raw: (bytes) => {
      if (!isGone) socket?.write(bytes)
    },
    gone,
    isGone: () => isGone,
  }
}
