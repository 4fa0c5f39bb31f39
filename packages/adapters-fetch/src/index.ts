/**
 * Sluice on anything with `fetch`: `fetchHandler` answers a `Request` with a `Response`, `fetchRuntime` asks upstreams through the global `fetch`.
 *
 * @packageDocumentation
 */
export { fetchHandler, defaultFetchHandlerOptions, type FetchContext, type FetchHandler, type FetchHandlerOptions } from './handler.ts'
export { fetchRuntime, type FetchRuntimeOptions } from './runtime.ts'
