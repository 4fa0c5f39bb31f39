import { valueEnd, walkArray, walkObject } from '../wire/json-array.ts'

/** Bytes from `start` to `end`. */
export interface Span {
  readonly start: number
  readonly end: number
}

const comma = 0x2c

/** Spans that take some members out of the object at `start`, commas and all; none where it has none of them, or is no object. Never overlap. */
export function membersAsSpans(bytes: Uint8Array, start: number, isTaken: (key: string) => boolean): readonly Span[] {
  const members: { readonly key: string; readonly end: number }[] = []
  const end = walkObject(bytes, start, (key, at) => {
    const valueEndsAt = valueEnd(bytes, at)
    members.push({ key, end: valueEndsAt })
    return valueEndsAt
  })
  if (end === -1) return []
  const spans: Span[] = []
  /** End of the last member that stays; undefined before the first such. */
  let kept: number | undefined
  let from = start + 1
  for (const [index, member] of members.entries()) {
    if (!isTaken(member.key)) {
      kept = member.end
      continue
    }
    if (kept !== undefined) {
      spans.push({ start: Math.max(kept, from), end: member.end })
      from = member.end
      continue
    }
    const isLast = index === members.length - 1
    const until = isLast ? member.end : bytes.indexOf(comma, member.end) + 1
    spans.push({ start: from, end: until })
    from = until
  }
  return spans
}

/** What is looked for in the messages of a request. Offsets are into the bytes given. */
export interface MessageSpans {
  /** Values of `role` that are `system`. */
  readonly systemRoles: readonly Span[]
  /** What takes `output_config` out of the messages that have one. */
  readonly turnOutputConfigs: readonly Span[]
  /** True where a message of the system stands right behind one of the assistant: as the user's, it would come between a tool's use and its result. */
  readonly hasSystemAfterAssistant: boolean
}

const noSpans: MessageSpans = { systemRoles: [], turnOutputConfigs: [], hasSystemAfterAssistant: false }

/** Walks the array of messages in `bytes`, once. Undefined where it is none. */
export function messageSpans(bytes: Uint8Array): MessageSpans | undefined {
  if (bytes.length === 0) return noSpans
  const systemRoles: Span[] = []
  const turnOutputConfigs: Span[] = []
  let hasSystemAfterAssistant = false
  let before = ''
  const end = walkArray(bytes, 0, (message) => {
    let role = ''
    let hasOutputConfig = false
    const messageEnd = walkObject(bytes, message, (key, at) => {
      const valueEndsAt = valueEnd(bytes, at)
      if (key === 'role' && valueEndsAt !== -1) {
        role = String.fromCharCode(...bytes.subarray(at + 1, Math.min(valueEndsAt - 1, at + 20)))
        if (role === 'system') systemRoles.push({ start: at, end: valueEndsAt })
      } else if (key === 'output_config') hasOutputConfig = true
      return valueEndsAt
    })
    if (hasOutputConfig) turnOutputConfigs.push(...membersAsSpans(bytes, message, (key) => key === 'output_config'))
    if (role === 'system' && before === 'assistant') hasSystemAfterAssistant = true
    before = role
    return messageEnd
  })
  return end === -1 ? undefined : { systemRoles, turnOutputConfigs, hasSystemAfterAssistant }
}
