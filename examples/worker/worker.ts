/**
 * A gateway as a worker. It lives in many short-lived isolates, so it keeps no ledger of its own: each settled exchange is one line of the worker's log.
 */
import { fetchHandler, fetchRuntime, type FetchContext, type FetchHandler } from '@sluice/adapters-fetch'
import { attribute, createGateway, swapCredential, type Middleware, type WithAttribution } from '@sluice/core'

/** The worker's variables and secrets. */
export interface Bindings {
  readonly UPSTREAM_URL: string
  readonly UPSTREAM_KEY: string
}

/** Needs what `attribute()` adds, so it does not compile before it. */
const logSettled: Middleware<WithAttribution> = {
  name: 'log-settled',
  handle: (exchange, next) => {
    exchange.onSettled(({ exchangeId, outcome, cost, usage }) => {
      const { session, repository, kind } = exchange.context.attribution
      const labels = { session: session?.value, repository: repository?.value, kind: kind.value }
      console.log(JSON.stringify({ exchangeId, outcome: outcome.kind, ...labels, outputTokens: usage.total.outputTokens, costNanoUsd: String(cost.nanoUsd) }))
    })
    return next({})
  },
}

let handle: FetchHandler | undefined

export default {
  fetch(request: Request, { UPSTREAM_URL, UPSTREAM_KEY }: Bindings, context: FetchContext): Promise<Response> {
    // Once an isolate: variables are only known within a request.
    handle ??= fetchHandler(
      createGateway({ runtime: fetchRuntime(), upstreams: [{ name: 'anthropic', baseUrl: UPSTREAM_URL, credential: swapCredential(UPSTREAM_KEY) }] })
        .use(attribute())
        .use(logSettled),
    )
    return handle(request, context)
  },
}
