/** Takes one chunk. A returned promise is back-pressure: wait for it before the next chunk. */
export type ByteWriter = (chunk: Uint8Array) => void | Promise<void>

/**
 * Where bytes come from: a request body or an upstream's reply. A push source, because on Node a synchronous callback per chunk
 * costs a fraction of an async iterator or a web stream; any of those is easily wrapped into one.
 */
export interface ByteSource {
  /**
   * Hands every chunk to `write`, in order, waiting for the promise it may return. Resolves at the clean end; rejects when the other side
   * broke, when `write` threw, or after `cancel`. Called at most once. A chunk's memory is not reused by the source.
   */
  readonly pump: (write: ByteWriter) => Promise<void>
  /** Stops the source and frees what it holds (the upstream's socket). Idempotent; also right before `pump`. */
  readonly cancel: (reason: unknown) => void
}

/** A source over bytes that are already here. */
export function bytesSource(...chunks: readonly Uint8Array[]): ByteSource {
  let cancelled: { readonly reason: unknown } | undefined
  return {
    pump: async (write) => {
      for (const chunk of chunks) {
        if (cancelled !== undefined) throw cancelled.reason
        if (chunk.length > 0) await write(chunk)
      }
    },
    cancel: (reason) => {
      cancelled ??= { reason }
    },
  }
}

/** A source over an async iterable, for adapters whose runtime offers nothing cheaper. */
export function iterableSource(iterable: AsyncIterable<Uint8Array>): ByteSource {
  const iterator = iterable[Symbol.asyncIterator]()
  let cancelled: { readonly reason: unknown } | undefined
  return {
    pump: async (write) => {
      for (;;) {
        if (cancelled !== undefined) throw cancelled.reason
        const step = await iterator.next()
        if (step.done === true) return
        await write(step.value)
      }
    },
    cancel: (reason) => {
      if (cancelled !== undefined) return
      cancelled = { reason }
      // The iterator may be busy or broken already; there is nobody left to tell.
      iterator.return?.().catch(() => undefined)
    },
  }
}
