import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { valueOf } from '../headers.ts'
import { Unmet } from '../unmet.ts'
import { LANE_ID_PATTERN, laneId, type Lane, type SeenRequest, type UpstreamScript } from './lane.ts'
import { seenRequest, upstreamTurn } from './upstream-turn.ts'

/** Where the upstream listens. */
export interface ScriptedUpstreamOptions {
  /** @defaultValue 0: any that is free */
  readonly port?: number
  /** @defaultValue `'127.0.0.1'` */
  readonly host?: string
}

/** The suite's own upstream: what the gateway under test forwards to. It does with each request what the case that sent it has asked for. */
export interface ScriptedUpstream {
  readonly url: string
  readonly port: number
  /** Opens a lane. `patienceMillis` is how long its `request` waits. */
  readonly lane: (script: UpstreamScript, patienceMillis: number) => Lane
  /** Requests that belonged to no lane, such as health checks. They are answered 404. */
  readonly strays: () => number
  /** Takes no connection until the returned `resume` is called, and closes those that are open. */
  readonly down: () => Promise<{ readonly resume: () => Promise<void> }>
  /** Closes everything. */
  readonly close: () => Promise<void>
}

interface OpenLane {
  readonly script: UpstreamScript
  readonly requests: SeenRequest[]
  readonly waiting: (() => void)[]
  readonly responses: Set<ServerResponse>
  readonly faults: unknown[]
}

/**
 * Starts the upstream. A request finds its lane by the first of: `x-claude-code-session-id`, the query, the body, and, for a gateway that dropped
 * all of them, the only lane that is open.
 *
 * @throws when the port is taken.
 */
export async function startScriptedUpstream(options: ScriptedUpstreamOptions = {}): Promise<ScriptedUpstream> {
  const host = options.host ?? '127.0.0.1'
  const lanes = new Map<string, OpenLane>()
  const connections = new WeakMap<Socket, number>()
  let connectionCount = 0
  let strays = 0

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const seen = seenRequest(request, connections.get(request.socket) ?? 0)
    response.on('error', () => undefined)
    const lane = await laneOf(seen, lanes)
    if (lane === undefined) {
      strays += 1
      response.writeHead(404, { 'content-type': 'application/json' })
      response.end('{"type":"error","error":{"type":"not_found_error","message":"no case is waiting for this request"}}')
      return
    }
    lane.requests.push(seen)
    lane.responses.add(response)
    const turn = upstreamTurn(seen, lane.requests.length, response)
    for (const wake of lane.waiting.splice(0)) wake()
    try {
      await lane.script(turn)
    } catch (error) {
      if (!turn.isGone()) lane.faults.push(error)
      request.socket.destroy()
    }
  }

  function listener(): Server {
    const server = createServer(
      { maxHeaderSize: 1 << 20, requestTimeout: 0, headersTimeout: 0, keepAliveTimeout: 60_000, insecureHTTPParser: false },
      (request, response) => {
        void serve(request, response)
      },
    )
    server.on('checkContinue', (request, response) => {
      response.writeContinue()
      void serve(request, response)
    })
    server.on('connection', (socket) => {
      connectionCount += 1
      connections.set(socket, connectionCount)
      socket.setNoDelay(true)
      socket.on('error', () => undefined)
    })
    return server
  }

  let server = listener()
  await listen(server, options.port ?? 0, host)
  const { port } = server.address() as AddressInfo

  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    port,
    lane: (script, patienceMillis) => {
      const id = laneId(randomBytes(11))
      const lane: OpenLane = { script, requests: [], waiting: [], responses: new Set(), faults: [] }
      lanes.set(id, lane)
      return {
        id,
        requests: lane.requests,
        faults: lane.faults,
        request: (number = 1) => requestOf(lane, number, patienceMillis),
        close: () => {
          lanes.delete(id)
          for (const response of lane.responses) if (!response.writableFinished) response.socket?.destroy()
        },
      }
    },
    strays: () => strays,
    down: async () => {
      await shut(server)
      return {
        resume: async () => {
          server = listener()
          await listen(server, port, host)
        },
      }
    },
    close: () => shut(server),
  }
}

async function laneOf(request: SeenRequest, lanes: ReadonlyMap<string, OpenLane>): Promise<OpenLane | undefined> {
  const find = (text: string): OpenLane | undefined => {
    const found = LANE_ID_PATTERN.exec(text)?.[0]
    return found === undefined ? undefined : lanes.get(found)
  }
  const byHead = find(valueOf(request.headers, 'x-claude-code-session-id') ?? '') ?? find(request.target)
  if (byHead !== undefined) return byHead
  const body = await request.body().catch(() => Buffer.alloc(0))
  const at = body.indexOf('c0f0a11e-')
  const byBody = at === -1 ? undefined : find(body.subarray(at, at + 36).toString('latin1'))
  if (byBody !== undefined) return byBody
  // Late requests of a case that is over still carry its id: they must not count as another's.
  if (at !== -1 || LANE_ID_PATTERN.test(request.headers.map(([, value]) => value).join(' '))) return undefined
  const open = [...lanes.values()]
  return open.length === 1 ? open[0] : undefined
}

async function requestOf(lane: OpenLane, number: number, patienceMillis: number): Promise<SeenRequest> {
  const deadline = Date.now() + patienceMillis
  for (;;) {
    const request = lane.requests[number - 1]
    if (request !== undefined) return request
    const left = deadline - Date.now()
    if (left <= 0) throw new Unmet(`the upstream got ${lane.requests.length} of ${number} expected requests within ${patienceMillis} ms`)
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, left)
      lane.waiting.push(() => {
        clearTimeout(timer)
        resolve()
      })
    })
  }
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

function shut(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
