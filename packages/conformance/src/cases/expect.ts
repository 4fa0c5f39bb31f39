import type { ClientReply } from '../client/client-call.ts'
import { Unmet } from '../unmet.ts'

/** Asks for a truth; says what was seen where it is none. */
export function expectThat(isSo: boolean, otherwise: string): asserts isSo {
  if (!isSo) throw new Unmet(otherwise)
}

/** Asks that two plain values have the same JSON. */
export function expectSame(actual: unknown, expected: unknown, what: string): void {
  const [is, should] = [JSON.stringify(actual), JSON.stringify(expected)]
  if (is !== should) throw new Unmet(`${what}: ${brief(is)} instead of ${brief(should)}`)
}

/** Asks that bytes are those that were sent, and shows where they part. */
export function expectBytes(actual: Uint8Array, expected: Uint8Array | string, what: string): void {
  const is = Buffer.from(actual)
  const should = Buffer.from(expected)
  if (is.equals(should)) return
  let at = 0
  while (at < is.length && at < should.length && is[at] === should[at]) at += 1
  const around = (bytes: Buffer): string => brief(JSON.stringify(bytes.subarray(Math.max(0, at - 12), at + 28).toString('latin1')))
  throw new Unmet(`${what}: differs at byte ${at} of ${should.length} (${is.length} came): ${around(is)} instead of ${around(should)}`)
}

/** A ping as a gateway may write it: the vendor's, whatever the white space in its JSON. */
const ownPing = /event: ?ping\r?\ndata: ?\{\s*"type"\s*:\s*"ping"\s*\}\r?\n\r?\n/y

/** Asks that a stream is the one that was sent. A gateway may add pings of its own between events in silence, in the vendor's form. */
export function expectStream(actual: Uint8Array, expected: string, what: string): void {
  const text = Buffer.from(actual).toString('utf8')
  if (text !== expected && !isWithPings(text, expected)) expectBytes(actual, expected, what)
}

function isWithPings(text: string, expected: string): boolean {
  let at = 0
  const skipPings = (until: string): void => {
    for (;;) {
      if (until !== '' && text.startsWith(until, at)) return
      ownPing.lastIndex = at
      if (!ownPing.test(text)) return
      at = ownPing.lastIndex
    }
  }
  const events = expected.split(/(?<=\n\n|\r\n\r\n|\r\r)/)
  for (const event of events) {
    skipPings(event)
    if (!text.startsWith(event, at)) return false
    at += event.length
  }
  // After half an event there is no place for a ping.
  if (/(?:\n\n|\r\n\r\n|\r\r)$/.test(expected)) skipPings('')
  return at === text.length
}

/** Asks that a body is an error as the SDKs read it: `{"type":"error","error":{"type","message"}}`. Returns its type. */
export function expectAnthropicError(reply: ClientReply, bytes: Buffer): string {
  const text = bytes.toString('utf8')
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    throw new Unmet(`status ${reply.status} with a body that is not JSON: ${brief(text)}`)
  }
  const body = parsed as { readonly type?: unknown; readonly error?: { readonly type?: unknown; readonly message?: unknown } } | null
  const error = body?.error
  if (body?.type !== 'error' || typeof error?.type !== 'string' || typeof error.message !== 'string' || error.message === '') {
    throw new Unmet(`status ${reply.status} with an error that the SDKs do not read: ${brief(text)}`)
  }
  return error.type
}

/** A text in short, for one line of a report. */
export function brief(text: string | undefined): string {
  const line = (text ?? 'nothing').replaceAll('\n', '\\n').replaceAll('\r', '\\r')
  return line.length <= 160 ? line : `${line.slice(0, 160)}… (${line.length} characters)`
}
