/** One request as the upstream saw it. */
export interface UpstreamCall {
  readonly method: string
  /** Path and query. */
  readonly target: string
  readonly path: string
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: string
  readonly status: number
}
