/**
 * Where a value came from, best first.
 * `key`: the credential proved it; `header`: the client's configuration declared it; `metadata` and `metadata-legacy`: the request's `metadata.user_id`,
 * as JSON or in one of its older forms; `user-agent` and `billing-block`: what the client says of itself; `path`: the route asked for;
 * `request-shape`: fixed texts and fields that only such a request has; `git-root`: the root of the working tree, in the client's safety context;
 * `working-directory`: the directory that the client works in, a hint and no identity; `session`: an earlier or later request of the same session.
 */
export type AttributionSource =
  | 'key'
  | 'header'
  | 'metadata'
  | 'metadata-legacy'
  | 'user-agent'
  | 'billing-block'
  | 'path'
  | 'request-shape'
  | 'git-root'
  | 'working-directory'
  | 'session'

/** A value, and how it is known. */
export interface Attributed<Value extends string = string> {
  readonly value: Value
  readonly source: AttributionSource
}

/**
 * What a request is for.
 * `main`: a turn of the conversation; `sub-agent`: a turn of an agent that the main one started; `title`: names a session or its topic;
 * `classifier`: judges a tool call's safety; `probe`: tries the key, a model or the cache; `compaction`: summarises a conversation that grew too long;
 * `web-search`: a nested search; `hook`: a hook that asks a model; `count-tokens` and `models`: those routes;
 * `auxiliary`: a side call of Claude Code that fits no narrower kind; `other`: a client that says nothing of itself.
 */
export type RequestKind =
  | 'main'
  | 'sub-agent'
  | 'title'
  | 'classifier'
  | 'probe'
  | 'compaction'
  | 'web-search'
  | 'hook'
  | 'count-tokens'
  | 'models'
  | 'auxiliary'
  | 'other'

/** Who and what an exchange belongs to. Absent means unknown; nothing is guessed from content, and no prompt text is kept. */
export interface Attribution {
  readonly session?: Attributed
  readonly agent?: Attributed
  readonly parentAgent?: Attributed
  readonly agentType?: Attributed
  /** One per user prompt, where the client sends hint headers. */
  readonly prompt?: Attributed
  /** The key's developer, or what the client declares, or an anonymous `account-…` or `device-…` hint: look at the source. */
  readonly developer?: Attributed
  /** Anonymous per-device id; a hint, not an identity. */
  readonly device?: Attributed
  /** A short name. Only with the source `header` did anyone declare it; from a path it is a hint. */
  readonly repository?: Attributed
  readonly kind: Attributed<RequestKind>
  readonly client?: Attributed
  readonly clientVersion?: Attributed
  readonly entryPoint?: Attributed
  /** Free tags from the client's configuration, validated. */
  readonly tags: Readonly<Record<string, string>>
}
