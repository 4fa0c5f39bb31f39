import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { BatchShelf } from '../endpoints/batches.ts'
import { FileShelf } from '../endpoints/files.ts'
import { route, type EndpointMemory } from '../endpoints/route.ts'
import { PromptCache } from '../prompt/prompt-cache.ts'
import { parseSelection } from '../prompt/selection.ts'
import { SCENARIOS, scenarioNamed } from '../scenarios/registry.ts'
import { errorReply } from '../wire/error-reply.ts'
import { mintUuid } from '../wire/ids.ts'
import type { ScriptedReply } from '../wire/reply.ts'
import { LiveCall, type RehearsalCall } from './call.ts'
import { REHEARSAL_DEFAULTS, type RehearsalOptions } from './options.ts'
import { play } from './play.ts'

/** Answers a call in place of the scenarios; `undefined` leaves it to them. */
export type ScriptHandler = (call: RehearsalCall) => ScriptedReply | undefined | Promise<ScriptedReply | undefined>

/** A running upstream. */
export interface Rehearsal {
  /** `http://host:port`, without a trailing slash: what ANTHROPIC_BASE_URL takes. */
  readonly url: string
  readonly port: number
  /** Every request seen, on any path, in order of arrival. */
  readonly calls: readonly RehearsalCall[]
  /** Answers that are being played right now. */
  readonly openStreams: number
  /** Lets a test answer calls itself, on every path; without a handler the scenarios answer again. */
  script(handler?: ScriptHandler): void
  /** Drops the recorded calls, the cache simulation and all counters. */
  forget(): void
  /** Ends every answer and every connection at once. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** Starts a scripted Messages API upstream on this machine. */
export async function startRehearsal(options: RehearsalOptions = {}): Promise<Rehearsal> {
  const settings = { ...REHEARSAL_DEFAULTS, ...options }
  const selection = parseSelection(settings.defaultScenario)
  if (selection === undefined || scenarioNamed(selection.name) === undefined) {
    throw new TypeError(`defaultScenario is "${settings.defaultScenario}"; use one of ${SCENARIOS.map(({ name }) => name).join(', ')}`)
  }
  const calls: LiveCall[] = []
  const socketIds = new WeakMap<Socket, number>()
  const sockets = new Set<Socket>()
  let seen = 0
  let connections = 0
  let openStreams = 0
  let url = ''
  let handler: ScriptHandler | undefined
  const memory: EndpointMemory = {
    cache: new PromptCache(settings.now, settings.cacheMinimumTokens),
    random: settings.random,
    now: settings.now,
    organization: mintUuid(settings.random),
    shared: new Map(),
    uses: new Map(),
    defaultScenario: selection,
    batches: new BatchShelf(settings.random, settings.now),
    files: new FileShelf(settings.random, settings.now),
    requireKey: settings.requireKey,
    origin: () => url,
  }

  const answer = async (call: LiveCall): Promise<ScriptedReply> => {
    try {
      const scripted = await handler?.(call)
      if (scripted !== undefined) call.scenario = 'script'
      return scripted ?? (await route(call, memory))
    } catch (cause) {
      return errorReply(500, 'api_error', `rehearsal: the script threw ${cause instanceof Error ? cause.message : String(cause)}`)
    }
  }

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const call = new LiveCall({
      id: (seen += 1),
      method: request.method ?? '',
      target: request.url ?? '',
      rawHeaders: request.rawHeaders,
      receivedAt: settings.now(),
      socketId: socketIds.get(request.socket) ?? 0,
      keepsResponse: settings.keepCalls > 0,
    })
    calls.push(call)
    if (calls.length > settings.keepCalls) calls.splice(0, calls.length - settings.keepCalls)
    response.sendDate = false
    openStreams += 1
    try {
      if (!(await readBody(request, call))) return call.close('client-gone', settings.now())
      settings.onCall?.(call)
      const reply = await answer(call)
      call.close(await play(reply, response, call, settings.pace), settings.now())
    } catch {
      response.destroy()
      call.close('cut', settings.now())
    } finally {
      openStreams -= 1
      settings.onSettled?.(call)
    }
  }

  const server = createServer(
    { maxHeaderSize: 128 * 1024, requestTimeout: 0, headersTimeout: 0, keepAliveTimeout: 120_000, noDelay: true },
    (request, response) => {
      void serve(request, response)
    },
  )
  server.on('connection', (socket: Socket) => {
    socketIds.set(socket, (connections += 1))
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  server.on('clientError', (_error, socket) => socket.destroy())
  const { promise: listening, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen({ port: settings.port, host: settings.host, backlog: 4096 }, resolve)
  await listening
  server.off('error', reject)
  const { port } = server.address() as AddressInfo
  url = `http://${settings.host.includes(':') ? `[${settings.host}]` : settings.host}:${port}`

  const close = async (): Promise<void> => {
    const closed = new Promise<void>((done) => server.close(() => done()))
    for (const socket of sockets) socket.destroy()
    await closed
    await Promise.all(calls.map((call) => call.settled))
  }
  return {
    url,
    port,
    calls,
    get openStreams() {
      return openStreams
    },
    script: (next) => {
      handler = next
    },
    forget: () => {
      calls.length = 0
      memory.cache.clear()
      memory.uses.clear()
      memory.batches.clear()
      memory.files.clear()
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** Reads the body whole; false when the client left before it was complete. */
async function readBody(request: IncomingMessage, call: LiveCall): Promise<boolean> {
  const chunks: Buffer[] = []
  const complete = await new Promise<boolean>((resolve) => {
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => resolve(true))
    request.on('close', () => resolve(request.complete))
    request.on('error', () => resolve(false))
  })
  call.body = chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks)
  return complete
}
