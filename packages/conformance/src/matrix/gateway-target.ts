/** One exchange as the gateway under test has recorded it. */
export interface RecordedExchange {
  readonly path: string
  readonly outcome: string
  /** How often it was sent to the upstream. */
  readonly attempts: number
  readonly costNanoUsd: bigint
  /** Whether the gateway's own proof says that request and reply passed unchanged; `null` where it has none. */
  readonly isUnchanged: boolean | null
}

/** The gateway that Claude Code is sent through. */
export interface GatewayTarget {
  readonly name: string
  /** `null` where it is not known. */
  readonly version: string | null
  readonly url: string
  /** What a client authenticates with. */
  readonly key: string
  /** A key whose budget is spent; absent where the target was not set up with one. */
  readonly spentKey?: string
  /** What the gateway has recorded of a session; absent where that cannot be asked. */
  readonly recorded?: (session: string) => Promise<readonly RecordedExchange[]>
  readonly stop: () => Promise<void>
}

/** A gateway that somebody else has started, and set up to forward to the matrix's upstream. */
export function runningGateway(url: string, key: string): GatewayTarget {
  return { name: 'gateway', version: null, url, key, stop: () => Promise.resolve() }
}
