/** What this package needs of a query's answer. */
export interface PgResult {
  readonly rows: readonly { readonly [column: string]: unknown }[]
  readonly rowCount: number | null
}

/** One connection out of a pool. */
export interface PgClient {
  /** Without values, the text may hold several statements. */
  readonly query: (text: string, values?: unknown[]) => Promise<PgResult>
  /** Gives the connection back; with `true`, for destruction. */
  readonly release: (isBroken?: boolean) => void
}

/** A pool of connections: `pg.Pool`, or what behaves like it. Whoever made it ends it. */
export interface PgPool {
  readonly query: (text: string, values?: unknown[]) => Promise<PgResult>
  readonly connect: () => Promise<PgClient>
  /** `pg.Pool` tells of idle connections that broke, and ends the process where nobody listens. */
  readonly on?: (event: 'error', listener: (error: Error) => void) => unknown
}
