import type { Runtime } from '@sluice/core'
import { contentDecoder } from './content-decoder.ts'
import { fetchDigests } from './digests.ts'
import { fetchTransport, type FetchTransportOptions } from './fetch-transport.ts'

/** Options of {@link fetchRuntime}. */
export interface FetchRuntimeOptions extends FetchTransportOptions {}

/**
 * Core's `Runtime` on web standards. On Node prefer `nodeRuntime()` of `@sluice/adapters-node`, also under {@link fetchHandler}: Node's own `fetch`
 * gives up on a reply after five silent minutes, and costs more.
 */
export function fetchRuntime(options: FetchRuntimeOptions = {}): Runtime {
  return { transport: fetchTransport(options), digests: fetchDigests, decoder: contentDecoder }
}
