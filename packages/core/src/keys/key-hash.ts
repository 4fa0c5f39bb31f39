import { ConfigurationError } from '../errors.ts'
import type { Secret } from '../secret.ts'
import { toBytes } from '../wire/bytes.ts'

/** What is signed or hashed under the pepper says what for, so that no value of one use is one of another. */
const keyLabel = 'sluice key 1\n'
const tokenLabel = 'sluice token signing key 1'

const shortestPepper = 32

type HmacKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>

/** Keyed hashes under the gateway's pepper, by WebCrypto, which every runtime has. The pepper is imported once and cannot be read back. */
export class KeyHashes {
  readonly #pepper: Promise<HmacKey>
  readonly #signing: Promise<HmacKey>

  /** @throws ConfigurationError for a pepper under 32 characters */
  constructor(pepper: string | Secret) {
    const text = typeof pepper === 'string' ? pepper : pepper.reveal()
    if (text.length < shortestPepper) {
      throw new ConfigurationError(
        'virtualKeys.pepper',
        `has ${text.length} characters. Use at least ${shortestPepper}, from a random generator, and keep it apart from the store.`,
      )
    }
    this.#pepper = hmacKey(toBytes(text))
    this.#signing = this.#pepper.then(async (key) => hmacKey(await hmac(key, tokenLabel)))
    // Whoever hashes is told of a failure; without one nobody is.
    this.#signing.catch(() => undefined)
  }

  /** HMAC-SHA-256 of a key's text, base64url: what a store keeps of it. */
  async ofKey(keyText: string): Promise<string> {
    return toBase64Url(await hmac(await this.#pepper, keyLabel + keyText))
  }

  /** HMAC-SHA-256 of a token's first two parts under a key of its own, base64url. */
  async ofToken(signed: string): Promise<string> {
    return toBase64Url(await hmac(await this.#signing, signed))
  }
}

function hmacKey(bytes: Uint8Array): Promise<HmacKey> {
  return crypto.subtle.importKey('raw', bytes as Uint8Array<ArrayBuffer>, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
}

async function hmac(key: HmacKey, text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.sign('HMAC', key, toBytes(text)))
}

/** Base64 for URLs, without padding (RFC 4648, section 5). */
export function toBase64Url(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return btoa(text).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

/** The bytes of a strict base64url text; undefined where it is another writing of them, or none. */
export function fromBase64Url(text: string): Uint8Array | undefined {
  if (!/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1) return undefined
  const bytes = Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (character) => character.charCodeAt(0))
  return toBase64Url(bytes) === text ? bytes : undefined
}
