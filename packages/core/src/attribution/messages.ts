import type { RequestBody } from '../exchange/request-body.ts'
import { bracketStart, readShortString, trimSpaceEnd, valueEnd, walkArray, walkObject } from '../wire/json-array.ts'

/** A text inside the body: from after its opening quote to its closing quote. */
export interface TextSpan {
  readonly start: number
  readonly end: number
}

/** One message: its role, and where its texts stand. Tool results, images and everything else are left out. */
export interface MessageView {
  readonly role: string | undefined
  /** Text blocks in order, or the one text of a message whose content is a string. */
  readonly texts: readonly TextSpan[]
}

const quote = 0x22
const comma = 0x2c

/** The first messages, at most `count` of them and none that ends beyond `windowBytes`. Reads no further. */
export function leadingMessages(body: RequestBody, count: number, windowBytes: number): readonly MessageView[] {
  const member = body.member('messages')
  const views: MessageView[] = []
  if (member === undefined) return views
  const window = body.bytes.subarray(0, Math.min(member.end, member.start + windowBytes))
  walkArray(window, member.start, (start) => {
    const [view, end] = readMessage(window, start)
    if (end !== -1) views.push(view)
    return views.length < count ? end : -1
  })
  return views
}

/** The last messages, newest first: at most `count` of them, back to the newest of the user, all within the last `windowBytes`. Reads no further. */
export function trailingMessages(body: RequestBody, count: number, windowBytes: number): readonly MessageView[] {
  const member = body.member('messages')
  const views: MessageView[] = []
  if (member === undefined) return views
  const origin = Math.max(member.start + 1, member.end - windowBytes)
  const window = body.bytes.subarray(origin, member.end - 1)
  let end = trimSpaceEnd(window, window.length)
  while (views.length < count) {
    const start = bracketStart(window, end)
    if (start === -1) break
    const [view, readTo] = readMessage(body.bytes.subarray(0, origin + end), origin + start)
    if (readTo === -1) break
    views.push(view)
    if (view.role === 'user') break
    end = trimSpaceEnd(window, start)
    if (window[end - 1] !== comma) break
    end = trimSpaceEnd(window, end - 1)
  }
  return views
}

function readMessage(bytes: Uint8Array, start: number): readonly [MessageView, number] {
  let role: string | undefined
  let texts: readonly TextSpan[] = []
  const end = walkObject(bytes, start, (key, at) => {
    if (key === 'content') {
      const [found, contentEnd] = readContent(bytes, at)
      texts = found
      return contentEnd
    }
    const valueEndsAt = valueEnd(bytes, at)
    if (key === 'role' && valueEndsAt !== -1) role = readShortString(bytes, at, valueEndsAt)
    return valueEndsAt
  })
  return [{ role, texts }, end]
}

function readContent(bytes: Uint8Array, start: number): readonly [readonly TextSpan[], number] {
  if (bytes[start] === quote) {
    const end = valueEnd(bytes, start)
    return [end === -1 ? [] : [{ start: start + 1, end: end - 1 }], end]
  }
  const texts: TextSpan[] = []
  const end = walkArray(bytes, start, (block) => {
    let type: string | undefined
    let text: TextSpan | undefined
    const blockEnd = walkObject(bytes, block, (key, at) => {
      const valueEndsAt = valueEnd(bytes, at)
      if (valueEndsAt !== -1 && bytes[at] === quote) {
        if (key === 'type') type = readShortString(bytes, at, valueEndsAt)
        else if (key === 'text') text = { start: at + 1, end: valueEndsAt - 1 }
      }
      return valueEndsAt
    })
    if (type === 'text' && text !== undefined) texts.push(text)
    return blockEnd
  })
  return [texts, end === -1 ? valueEnd(bytes, start) : end]
}
