import { emptyBytes, toText } from '../wire/bytes.ts'

const quote = 0x22
const backslash = 0x5c
const openBrace = 0x7b
const closeBrace = 0x7d
const closeBracket = 0x5d
const comma = 0x2c
const colon = 0x3a

/** A key or a type that is looked at is no longer. */
const nameBytes = 40

/** The bytes are not JSON. */
export class UnreadableError extends Error {}

/** Walks one JSON value in `bytes[0, end)`, step by step, without parsing it. Each step throws an {@link UnreadableError} where the bytes are not JSON. */
export class JsonCursor {
  bytes: Uint8Array = emptyBytes
  at = 0
  end = 0

  /** Steps over white space; the byte there. */
  peek(): number {
    while (this.at < this.end && (this.bytes[this.at] as number) <= 0x20) this.at += 1
    if (this.at >= this.end) throw new UnreadableError()
    return this.bytes[this.at] as number
  }

  /** Steps over the array that begins here; `item` steps over each item. */
  items(item: () => void): void {
    this.at += 1
    for (;;) {
      const byte = this.peek()
      if (byte === closeBracket) {
        this.at += 1
        return
      }
      if (byte === comma) this.at += 1
      else item()
    }
  }

  /** Steps over the object that begins here; `member` steps over each value. Its key is empty where it is long; `start` and `end` are where it stands. */
  members(member: (key: string, start: number, end: number) => void): void {
    if (this.peek() !== openBrace) throw new UnreadableError()
    this.at += 1
    for (;;) {
      const byte = this.peek()
      if (byte === closeBrace) {
        this.at += 1
        return
      }
      if (byte === comma) {
        this.at += 1
        continue
      }
      if (byte !== quote) throw new UnreadableError()
      const start = this.at + 1
      const key = this.shortString()
      const end = this.at - 1
      if (this.peek() !== colon) throw new UnreadableError()
      this.at += 1
      this.peek()
      member(key, start, end)
    }
  }

  /** Steps over the string that begins here; its text with escapes as they stand, empty where it is long. */
  shortString(): string {
    const start = this.at + 1
    const end = this.stringEnd()
    return end - start > nameBytes ? '' : toText(this.bytes.subarray(start, end))
  }

  /** Steps over the string that begins here; where its closing quote stands. */
  stringEnd(): number {
    for (let from = this.at + 1; ;) {
      const close = this.bytes.indexOf(quote, from)
      if (close === -1 || close >= this.end) throw new UnreadableError()
      let back = close
      while (this.bytes[back - 1] === backslash) back -= 1
      if ((close - back) % 2 === 0) {
        this.at = close + 1
        return close
      }
      from = close + 1
    }
  }

  /** Steps over the number or the word that begins here; where it ends. */
  literalEnd(): number {
    const start = this.at
    while (this.at < this.end) {
      const byte = this.bytes[this.at] as number
      if (byte === comma || byte === closeBrace || byte === closeBracket || byte <= 0x20) break
      this.at += 1
    }
    if (this.at === start) throw new UnreadableError()
    return this.at
  }
}
