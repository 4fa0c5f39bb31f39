import { ConfigurationError } from '../errors.ts'
import { toBytes } from '../wire/bytes.ts'
import { crc32 } from '../wire/crc32.ts'

/** A virtual key in its parts: `<prefix>_<environment>_<id>_<secret><checksum>`. */
export interface KeyText {
  /** The whole text. */
  readonly text: string
  /** 8 characters of base62: how the key is found. */
  readonly id: string
  /** 32 characters of base62: 190 bits. */
  readonly secret: string
}

/** Fills bytes with randomness that nobody can guess. */
export type RandomBytes = (bytes: Uint8Array) => void

const base62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const idLength = 8
const secretLength = 32
/** 62^6 is more than 2^32. */
const checksumLength = 6
/** 4 times 62: bytes from here on are thrown away, so that no character comes more often than another. */
const evenBytes = 248

/** The text form of keys with one prefix and environment. */
export class KeyFormat {
  readonly #head: string
  readonly #length: number
  readonly #pattern: RegExp

  /** @throws ConfigurationError for a prefix or environment that scanners could not tell from others */
  constructor(prefix: string, environment: string) {
    if (!/^[a-z][a-z0-9-]{1,19}$/.test(prefix)) throw new ConfigurationError('virtualKeys.prefix', 'has to be 2 to 20 of a-z, 0-9 and -, a letter first.')
    if (/^sk-ant(?:-|$)/.test(prefix)) {
      throw new ConfigurationError('virtualKeys.prefix', `"${prefix}" is Anthropic's own. Choose another, so that scanners and people can tell the keys apart.`)
    }
    if (!/^[a-z0-9]{1,12}$/.test(environment)) throw new ConfigurationError('virtualKeys.environment', 'has to be 1 to 12 of a-z and 0-9, such as "live".')
    this.#head = `${prefix}_${environment}_`
    this.#length = this.#head.length + idLength + 1 + secretLength + checksumLength
    this.#pattern = new RegExp(`^${this.#head}([0-9A-Za-z]{${idLength}})_([0-9A-Za-z]{${secretLength}})([0-9A-Za-z]{${checksumLength}})$`)
  }

  /** Writes a key. */
  write(id: string, secret: string): KeyText {
    const checked = `${this.#head}${id}_${secret}`
    return { text: checked + checksum(checked), id, secret }
  }

  /** Reads a key; undefined for anything that is none. Needs no store: length first, then characters, then the checksum. */
  read(text: string): KeyText | undefined {
    if (text.length !== this.#length) return undefined
    const [, id, secret, sum] = this.#pattern.exec(text) ?? []
    if (id === undefined || secret === undefined || checksum(text.slice(0, -checksumLength)) !== sum) return undefined
    return { text, id, secret }
  }

  /** The key as it may be shown: 4 characters of the secret, and nothing of the checksum, which would tell of the others. Anything else shows nothing. */
  mask(text: string): string {
    const key = this.read(text)
    return key === undefined ? '[masked]' : `${this.#head}${key.id}_${key.secret.slice(0, 4)}…`
  }
}

function checksum(text: string): string {
  let digits = ''
  for (let rest = crc32(toBytes(text)); digits.length < checksumLength; rest = Math.floor(rest / 62)) digits = (base62[rest % 62] as string) + digits
  return digits
}

export const newKeyId = (random: RandomBytes): string => randomText(idLength, random)

export const newKeySecret = (random: RandomBytes): string => randomText(secretLength, random)

function randomText(length: number, random: RandomBytes): string {
  let text = ''
  while (text.length < length) {
    const bytes = new Uint8Array(length)
    random(bytes)
    for (const byte of bytes) if (byte < evenBytes && text.length < length) text += base62[byte % 62] as string
  }
  return text
}
