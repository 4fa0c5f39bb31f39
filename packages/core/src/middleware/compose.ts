import { ConfigurationError } from '../errors.ts'
import type { LiveExchange } from '../exchange/live-exchange.ts'
import type { Reply } from '../exchange/reply.ts'
import type { Middleware } from './middleware.ts'

/** The whole onion as one function. */
export type Handler = (exchange: LiveExchange) => Promise<Reply>

/** A middleware whose context types have been checked where it was added. */
export type AnyMiddleware = Middleware<never, never>

/**
 * Folds middleware around the innermost handler, once, when the gateway is built.
 *
 * @throws ConfigurationError when two of them add the same context key
 */
export function compose(middleware: readonly AnyMiddleware[], innermost: Handler): Handler {
  const owners = new Map<string, string>()
  for (const { name, adds } of middleware) {
    const keys: readonly string[] = adds ?? []
    for (const key of keys) {
      const owner = owners.get(key)
      if (owner !== undefined) throw new ConfigurationError('middleware', `"${name}" and "${owner}" both add "${key}" to the context. Remove one of them.`)
      owners.set(key, name)
    }
  }
  return middleware.reduceRight<Handler>((next, one) => layer(one as unknown as Middleware, next), innermost)
}

function layer({ name, handle }: Middleware, next: Handler): Handler {
  return (exchange) => {
    let isCalled = false
    return handle(exchange, async (adds) => {
      if (isCalled) throw new Error(`middleware "${name}" called next() twice`)
      isCalled = true
      Object.assign(exchange.context, adds)
      return next(exchange)
    })
  }
}
