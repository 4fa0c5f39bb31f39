/** Who is calling, as a credential proved it. */
export interface Principal {
  /** Stable id of the key, safe to show and store. */
  readonly keyId: string
  /** The developer or service that the key belongs to: the subject of spend. */
  readonly developer: string
}

/** Finds who a presented gateway credential belongs to. */
export interface KeyRing {
  /** Resolves with the principal, or undefined for an unknown credential. Constant-time in the secret. Must not log or keep it. */
  readonly find: (credential: string) => Promise<Principal | undefined>
}
