import type { MountableGateway } from '@sluice/core'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { nodeHandler, type NodeHandlerOptions } from './handler.ts'

/** The parts of a Fastify instance (4 and 5) that are used; typed structurally, so that Fastify is no dependency. */
export interface FastifyLike {
  readonly removeAllContentTypeParsers: () => void
  readonly addContentTypeParser: (contentType: string, parser: (request: unknown, payload: unknown, done: (error: null) => void) => void) => unknown
  readonly all: (
    path: string,
    handler: (request: { readonly raw: IncomingMessage }, reply: { readonly raw: ServerResponse; readonly hijack: () => unknown }) => void,
  ) => unknown
}

/** Options of {@link fastifyGateway}. */
export interface FastifyGatewayOptions extends NodeHandlerOptions {
  readonly gateway: MountableGateway
  /** The prefix that the plugin was registered with; Fastify passes it here by itself. */
  readonly prefix?: string
}

/**
 * A Fastify plugin: `app.register(fastifyGateway, { gateway })`, with a `prefix` if wanted. Within the plugin's scope no body is parsed,
 * and replies bypass Fastify's serialisers and hooks, so bytes stay bytes.
 */
export function fastifyGateway(app: FastifyLike, options: FastifyGatewayOptions, done: () => void): void {
  const handle = nodeHandler(options.gateway, options.prefix === undefined ? options : { ...options, basePath: options.prefix })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _payload, parsed) => parsed(null))
  app.all('/*', (request, reply) => {
    reply.hijack()
    handle(request.raw, reply.raw)
  })
  done()
}
