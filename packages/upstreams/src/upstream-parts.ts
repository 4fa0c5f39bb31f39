import type { Deadlines, HeaderList, UpstreamOptions } from '@sluice/core'
import type { Capabilities } from './capabilities/fit.ts'
import type { HostOptions } from './hosts/pinned-host.ts'

/** What every upstream of this package may be given. */
export interface CommonOptions extends HostOptions {
  /** Names it in records and policies. @defaultValue the factory's own name, such as `vertex` */
  readonly name?: string
  /** What the upstream does not take. A function is asked for each request: that is how a table is replaced while the gateway runs. @defaultValue defaultCapabilities */
  readonly capabilities?: Capabilities
  /** Sends a ping after so long a silence. @defaultValue 15000 for Bedrock invoke and Vertex, which send none; else never */
  readonly heartbeatMillis?: number
  readonly deadlines?: Partial<Deadlines>
  /** What becomes of a redirect: see core's `UpstreamOptions.redirects`. @defaultValue 'refuse' */
  readonly redirects?: 'refuse' | 'relay'
  /** Milliseconds since the epoch, for signatures and tokens. @defaultValue the runtime's clock */
  readonly now?: () => number
}

/** The options that go to core as they are. */
export function coreOptions(
  { heartbeatMillis, deadlines, redirects }: CommonOptions,
  silenceMillis?: number,
): Pick<UpstreamOptions, 'heartbeatMillis' | 'deadlines' | 'redirects'> {
  const millis = heartbeatMillis ?? silenceMillis
  return {
    ...(millis !== undefined && { heartbeatMillis: millis }),
    ...(deadlines !== undefined && { deadlines }),
    ...(redirects !== undefined && { redirects }),
  }
}

/** Such a name in an AWS or Google header would speak for the gateway: sign, choose a project to bill, or switch a guardrail. A client's never crosses. */
const cloudHeader = /^(?:x-amz|x-goog-|x-vertex-|x-ms-|x-azure-|api-key$|ocp-apim-)/

/** Headers without those that mean something to a cloud, and without some more (lower-case names). */
export function withoutCloudHeaders(headers: HeaderList, dropped: readonly string[] = []): HeaderList {
  return headers.filter(([name]) => !cloudHeader.test(name.toLowerCase()) && !dropped.includes(name.toLowerCase()))
}

/** True of the routes whose body is a request of the Messages API. */
export function isModelRequest(method: string, path: string): boolean {
  return method === 'POST' && (path === '/v1/messages' || path === '/v1/messages/count_tokens')
}
