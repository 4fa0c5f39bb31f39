import { ConfigurationError } from '../errors.ts'
import type { KeyedHash, Runtime } from '../ports/runtime.ts'
import { Secret } from '../secret.ts'

/** What is signed or hashed under the pepper says what for, so that no value of one use is one of another. */
const keyLabel = 'sluice key 1\n'
const tokenLabel = 'sluice token signing key 1'

const shortestPepper = 32

const encoder = new TextEncoder()

type HmacKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>

/** What hashes under each key. */
interface Hashers<Hasher> {
  readonly pepper: Hasher
  readonly signing: Hasher
}

/** Keyed hashes under the gateway's pepper: by what the runtime lends, else by WebCrypto, which every runtime has. Both come to the same. */
export class KeyHashes {
  readonly #pepper: Secret
  #lent: Hashers<KeyedHash> | undefined
  /** Imported once, on first use: some runtimes let nothing be done before the first request. */
  #keys: Promise<Hashers<HmacKey>> | undefined

  /** @throws ConfigurationError for a pepper under 32 characters */
  constructor(pepper: string | Secret) {
    this.#pepper = typeof pepper === 'string' ? new Secret(pepper) : pepper
    const { length } = this.#pepper.reveal()
    if (length >= shortestPepper) return
    throw new ConfigurationError(
      'virtualKeys.pepper',
      `has ${length} characters. Use at least ${shortestPepper}, from a random generator, and keep it apart from the store.`,
    )
  }

  /** Goes by these from now on. */
  hashWith(keyedHash: NonNullable<Runtime['keyedHash']>): void {
    const pepper = keyedHash(encoder.encode(this.#pepper.reveal()))
    this.#lent = { pepper, signing: keyedHash(fromBase64Url(pepper(tokenLabel)) as Uint8Array) }
  }

  /** HMAC-SHA-256 of a key's text, base64url: what a store keeps of it. */
  ofKey(keyText: string): string | Promise<string> {
    return this.#lent === undefined ? this.#asked('pepper', keyLabel + keyText) : this.#lent.pepper(keyLabel + keyText)
  }

  /** HMAC-SHA-256 of a token's first two parts under a key of its own, base64url. */
  ofToken(signed: string): string | Promise<string> {
    return this.#lent === undefined ? this.#asked('signing', signed) : this.#lent.signing(signed)
  }

  async #asked(which: keyof Hashers<HmacKey>, text: string): Promise<string> {
    const keys = await (this.#keys ??= this.#imported())
    return toBase64Url(await hmac(keys[which], text))
  }

  async #imported(): Promise<Hashers<HmacKey>> {
    const pepper = await hmacKey(encoder.encode(this.#pepper.reveal()))
    return { pepper, signing: await hmacKey(await hmac(pepper, tokenLabel)) }
  }
}

function hmacKey(bytes: Uint8Array): Promise<HmacKey> {
  return crypto.subtle.importKey('raw', bytes as Uint8Array<ArrayBuffer>, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
}

async function hmac(key: HmacKey, text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.sign('HMAC', key, encoder.encode(text)))
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
