import type { RequestBody } from '../exchange/request-body.ts'
import { bracketStart, readShortString, trimSpaceEnd, valueEnd, walkArray, walkObject } from '../wire/json-array.ts'
import type { TextStart } from './literals.ts'
import { windowsFrom, windowsTo } from './windows.ts'

/** A text inside a window of the body: from after its opening quote to its closing quote. */
export interface TextSpan extends TextStart {
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
  let views: MessageView[] = []
  if (member === undefined) return views
  for (const window of windowsFrom(body, member.start, Math.min(member.end, member.start + windowBytes))) {
    views = []
    const arrayEnd = walkArray(window, 0, (start) => {
      const [view, end] = readMessage(window, start)
      if (end !== -1) views.push(view)
      return views.length < count ? end : -1
    })
    if (arrayEnd !== -1 || views.length === count) break
  }
  return views
}

/** The last messages, newest first: at most `count` of them, back to the newest of the user, all within the last `windowBytes`. Reads no further. */
export function trailingMessages(body: RequestBody, count: number, windowBytes: number): readonly MessageView[] {
  const member = body.member('messages')
  let views: readonly MessageView[] = []
  if (member === undefined) return views
  for (const window of windowsTo(body, Math.max(member.start + 1, member.end - windowBytes), member.end - 1)) {
    views = lastMessages(window, count)
    if (views.length === count || views.at(-1)?.role === 'user') break
  }
  return views
}

function lastMessages(window: Uint8Array, count: number): readonly MessageView[] {
  const views: MessageView[] = []
  let end = trimSpaceEnd(window, window.length)
  while (views.length < count) {
    const start = bracketStart(window, end)
    if (start === -1) break
    const [view, readTo] = readMessage(window.subarray(0, end), start)
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
    return [end === -1 ? [] : [{ bytes, start: start + 1, end: end - 1 }], end]
  }
  const texts: TextSpan[] = []
  const end = walkArray(bytes, start, (block) => {
    let type: string | undefined
    let text: TextSpan | undefined
    const blockEnd = walkObject(bytes, block, (key, at) => {
      const valueEndsAt = valueEnd(bytes, at)
      if (valueEndsAt !== -1 && bytes[at] === quote) {
        if (key === 'type') type = readShortString(bytes, at, valueEndsAt)
        else if (key === 'text') text = { bytes, start: at + 1, end: valueEndsAt - 1 }
      }
      return valueEndsAt
    })
    if (type === 'text' && text !== undefined) texts.push(text)
    return blockEnd
  })
  return [texts, end === -1 ? valueEnd(bytes, start) : end]
}
