/** Where a value came from, best first. */
export type AttributionSource =
  | 'key'
  | 'header'
  | 'metadata'
  | 'metadata-legacy'
  | 'user-agent'
  | 'billing-block'
  | 'request-shape'
  | 'path'
  | 'working-directory'
  | 'session'

/** A value, and how it is known. */
export interface Attributed<Value extends string = string> {
  readonly value: Value
  readonly source: AttributionSource
}

/** What a request is for. `auxiliary`: a side call of the client that fits no narrower kind; `other`: a client that says nothing of itself. */
export type RequestKind = 'main' | 'sub-agent' | 'title' | 'classifier' | 'probe' | 'compaction' | 'web-search' | 'count-tokens' | 'auxiliary' | 'other'

/** Who and what an exchange belongs to. Absent means unknown; nothing is guessed from content, and no prompt text is kept. */
export interface Attribution {
  readonly session?: Attributed
  readonly agent?: Attributed
  readonly parentAgent?: Attributed
  readonly agentType?: Attributed
  /** One per user prompt, where the client sends hint headers. */
  readonly prompt?: Attributed
  readonly developer?: Attributed
  /** Anonymous per-device id; a hint, not an identity. */
  readonly device?: Attributed
  readonly repository?: Attributed
  readonly kind: Attributed<RequestKind>
  readonly client?: Attributed
  readonly clientVersion?: Attributed
  readonly entryPoint?: Attributed
  /** Free tags from the client's configuration, validated. */
  readonly tags: Readonly<Record<string, string>>
}
