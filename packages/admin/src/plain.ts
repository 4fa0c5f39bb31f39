/** Values as JSON carries them. */

/** The same object without the keys whose value is undefined. */
export function withoutUndefined<Value extends object>(value: Value): { [Key in keyof Value]: Exclude<Value[Key], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, part]) => part !== undefined)) as { [Key in keyof Value]: Exclude<Value[Key], undefined> }
}

/** An instant as ISO 8601; null where there is none. */
export function isoOrNull(millis: number | undefined): string | null {
  return millis === undefined ? null : new Date(millis).toISOString()
}

const nanoPerUsd = 1_000_000_000n

/** Nano-USD as a decimal number of dollars with all nine places. */
export function toUsdText(nanoUsd: bigint): string {
  const size = nanoUsd < 0n ? -nanoUsd : nanoUsd
  return `${nanoUsd < 0n ? '-' : ''}${size / nanoPerUsd}.${(size % nanoPerUsd).toString().padStart(9, '0')}`
}

/** SHA-256 of text, in hex. */
export async function sha256Hex(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('')
}
