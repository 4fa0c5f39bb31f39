/** A value that ends at some time; without one it is good for one use. */
export interface HeldValue<Value> {
  readonly value: Value
  /** Milliseconds since the epoch. */
  readonly expiresAt: number | undefined
}

/** How early a value is renewed: a request that starts now may still be under way when it ends. */
const renewalMarginMillis = 5 * 60_000
/** What ends within this is not used any more. */
const lastUseMillis = 10_000

/**
 * Keeps a value and renews it before it ends; whoever asks meanwhile waits for the one renewal that is under way. Where that fails and the old value
 * is still good, the old one is used; the next asker tries again.
 */
export function heldValue<Value>(renew: () => Promise<HeldValue<Value>>, now: () => number): () => Promise<Value> {
  let held: HeldValue<Value> | undefined
  let renewal: Promise<HeldValue<Value>> | undefined
  const isGoodFor = (millis: number): boolean => held?.expiresAt !== undefined && held.expiresAt - now() > millis
  return async () => {
    if (held !== undefined && isGoodFor(renewalMarginMillis)) return held.value
    renewal ??= renew().finally(() => {
      renewal = undefined
    })
    try {
      held = await renewal
      return held.value
    } catch (cause) {
      if (held !== undefined && isGoodFor(lastUseMillis)) return held.value
      throw cause
    }
  }
}
