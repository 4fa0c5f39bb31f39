/**
 * Sluice on Node: `serve` for a server of its own, `nodeHandler` for node:http and Express, `fastifyGateway` for Fastify.
 *
 * @packageDocumentation
 */
export { nodeHandler, type NodeHandler, type NodeHandlerOptions } from './handler.ts'
export { fastifyGateway, type FastifyGatewayOptions, type FastifyLike } from './fastify.ts'
export { nodeRuntime, type NodeRuntime, type NodeRuntimeOptions } from './runtime.ts'
export { serve, type Served, type ServeOptions } from './serve.ts'
