import type { Agent } from 'node:http'
import type { CaseContext } from './case.ts'
import { clientCall, type ClientCall, type ClientRequest } from './client/client-call.ts'
import { rawConnection, type RawConnection } from './client/raw-connection.ts'
import type { Header } from './headers.ts'
import type { BudgetSetUp, Target } from './target.ts'
import type { Lane } from './upstream/lane.ts'
import type { ScriptedUpstream } from './upstream/scripted-upstream.ts'

/** What a run lends to each of its cases. */
export interface ContextParts {
  readonly target: Target
  readonly upstream: ScriptedUpstream
  readonly patienceMillis: number
  readonly graceMillis: number
  readonly budget: () => Promise<BudgetSetUp>
}

/** A case's context, and what ends everything that the case has left open. */
export interface OpenContext {
  readonly context: CaseContext
  /** What scripts of the upstream have thrown. */
  readonly faults: () => readonly unknown[]
  readonly close: () => Promise<void>
}

/** What stands in for a credential at gateways that ask for none. */
const NO_KEY = 'sk-ant-conformance-key-of-no-worth'

/** Makes what one run of one case works with. */
export function openContext(parts: ContextParts): OpenContext {
  const { target, upstream, patienceMillis, graceMillis } = parts
  const lanes: Lane[] = []
  const calls: ClientCall[] = []
  const connections: RawConnection[] = []
  const agents = new Set<Agent>()
  let resume: (() => Promise<void>) | undefined

  const urlOf = (path: string): URL => {
    const base = new URL(target.url)
    const url = new URL(base.origin)
    const [pathname = '', ...query] = path.split('?')
    url.pathname = `${base.pathname.replace(/\/$/, '')}${pathname}`
    url.search = query.length === 0 ? '' : `?${query.join('?')}`
    return url
  }

  const clientHeaders = (request: ClientRequest): readonly Header[] => {
    const own: Header[] = [
      ['Host', new URL(target.url).host],
      ['Accept', 'application/json'],
      ['User-Agent', 'claude-cli/2.1.330 (external, sdk-cli)'],
      ['anthropic-version', '2023-06-01'],
      ['x-app', 'cli'],
    ]
    if (request.body !== undefined) own.push(['Content-Type', 'application/json'])
    if (request.withoutLaneHeader !== true) own.push(['X-Claude-Code-Session-Id', request.lane])
    const key = request.key === undefined ? (target.key ?? NO_KEY) : request.key
    const place = target.authenticationHeader ?? 'x-api-key'
    if (key !== null && place !== 'authorization') own.push(['x-api-key', key])
    if (key !== null && place !== 'x-api-key') own.push(['Authorization', `Bearer ${key}`])
    own.push(...(target.headers ?? []))
    if (request.body !== undefined) {
      own.push(request.chunked === true ? ['Transfer-Encoding', 'chunked'] : ['Content-Length', String(Buffer.byteLength(request.body))])
    }
    const replaced = new Set((request.headers ?? []).map(([name]) => name.toLowerCase()))
    return [...own.filter(([name]) => !replaced.has(name.toLowerCase())), ...(request.headers ?? [])]
  }

  const call = (request: ClientRequest): ClientCall => {
    if (request.agent !== undefined) agents.add(request.agent)
    const made = clientCall(urlOf(request.path ?? '/v1/messages'), request.method ?? 'POST', clientHeaders(request), request.body, {
      patienceMillis,
      ...(request.agent === undefined ? {} : { agent: request.agent }),
    })
    calls.push(made)
    return made
  }

  const context: CaseContext = {
    target,
    patienceMillis,
    graceMillis,
    lane: (script) => {
      const lane = upstream.lane(script, patienceMillis)
      lanes.push(lane)
      return lane
    },
    send: (request) => call(request).reply,
    call,
    clientHeaders,
    pathOf: (path) => {
      const url = urlOf(path)
      return `${url.pathname}${url.search}`
    },
    budget: parts.budget,
    connect: async () => {
      const connection = await rawConnection(new URL(target.url), patienceMillis)
      connections.push(connection)
      return connection
    },
    upstreamDown: async () => {
      const down = await upstream.down()
      let done = false
      resume = async () => {
        if (done) return
        done = true
        await down.resume()
      }
      return { resume }
    },
    strays: upstream.strays,
  }

  return {
    context,
    faults: () => lanes.flatMap(({ faults }) => faults),
    close: async () => {
      for (const each of calls) each.abort()
      for (const each of connections) each.destroy()
      for (const each of agents) each.destroy()
      for (const each of lanes) each.close()
      await resume?.()
    },
  }
}
