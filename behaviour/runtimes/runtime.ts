import type { FixtureProcess } from '../support/fixture-process.ts'

/** Where a fixture finds its upstreams. */
export interface Upstreams {
  readonly upstreamUrl: string
  readonly deadUrl: string
}

/** One runtime that a gateway can be mounted on. */
export interface BehaviourRuntime {
  readonly name: string
  /** Why it cannot run here; undefined where it can. */
  readonly missing?: string | undefined
  readonly start: (upstreams: Upstreams) => Promise<FixtureProcess>
  readonly can: Capabilities
}

/**
 * What a runtime does to HTTP by itself, where it is not what the gateway was told. Each member is documented in the adapter's README; a case asserts
 * what is declared here, so a gap that closes is noticed too.
 */
export interface Capabilities {
  /** Repeated header lines: kept apart, or joined with ", ". */
  readonly requestRepeats: 'kept' | 'joined'
  readonly replyRepeats: 'kept' | 'joined'
  /** Request headers that reach the upstream although nobody sent them. */
  readonly addedRequestHeaders: readonly string[]
  /** Reply headers that reach the client although the upstream did not send them. */
  readonly addedReplyHeaders: readonly string[]
  /** Characters of a target that arrive percent-encoded. */
  readonly escapedInTarget: string
  /** A reply's content-length stays; else it travels chunked. */
  readonly keepsContentLength: boolean
  /** Codings that the runtime takes off upstream replies, where the gateway asked for none (`default`) or as the client did (`forward`). */
  readonly decodes: Readonly<Record<'default' | 'forward', readonly string[]>>
  /** Codings that the meter can read. */
  readonly metersCodings: readonly string[]
  /** A connection that was refused is told from one that broke. */
  readonly knowsRefusal: boolean
  /** GET with a body reaches the upstream. */
  readonly bodyOnGet: boolean
  /** Header values beyond ASCII arrive as the bytes they were. */
  readonly latinHeaders: boolean
  /** The head of a reply goes out before its first byte is there. */
  readonly headFirst: boolean
  /** A request without a Host is refused. */
  readonly needsHost: boolean
  /** A client that closes its socket is noticed at once; else only when it resets it, or at the next write. */
  readonly noticesClose: boolean
  /** A client that leaves while it waits for the head is noticed whatever it has sent; else only after requests of less than 512 bytes, head and all. */
  readonly noticesLeaveBeforeHead: boolean
  readonly expectContinue: boolean
  readonly drains: boolean
  /** Middleware that stands before the gateway in the fixture. */
  readonly middleware: readonly ('parse' | 'compress')[]
}

/** Everything is as told. */
export const exact: Capabilities = {
  requestRepeats: 'kept',
  replyRepeats: 'kept',
  addedRequestHeaders: [],
  addedReplyHeaders: [],
  escapedInTarget: '',
  keepsContentLength: true,
  decodes: { default: [], forward: [] },
  metersCodings: ['gzip', 'br', 'zstd'],
  knowsRefusal: true,
  bodyOnGet: true,
  latinHeaders: true,
  headFirst: true,
  needsHost: true,
  noticesClose: true,
  noticesLeaveBeforeHead: true,
  expectContinue: true,
  drains: true,
  middleware: [],
}
