import { GatewayError } from '../errors.ts'
import { concatBytes, emptyBytes } from '../wire/bytes.ts'
import { parseJson, readString, scanTopLevel, type JsonScan, type TopLevelMember } from '../wire/json-scan.ts'
import { headerValue } from '../wire/header-list.ts'
import type { ClientRequest } from '../ports/client-request.ts'

/** A request body, whole and untouched, with its top-level JSON members found on first use. Reading from it never changes it. */
export class RequestBody {
  /** The client's bytes. Never write into them. */
  readonly bytes: Uint8Array
  #scan: JsonScan | undefined

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  /** The top-level scan, made once. */
  get scan(): JsonScan {
    this.#scan ??= scanTopLevel(this.bytes)
    return this.#scan
  }

  /** Every member with this key, in document order; duplicates are legal JSON. */
  members(key: string): readonly TopLevelMember[] {
    const scan = this.scan
    return scan.kind === 'object' ? scan.members.filter((member) => member.key === key) : []
  }

  /** The member that a JSON parser would report: the last one. */
  member(key: string): TopLevelMember | undefined {
    const scan = this.scan
    return scan.kind === 'object' ? scan.members.findLast((member) => member.key === key) : undefined
  }

  /** The string at a top-level key; undefined where it is absent or not a string. */
  string(key: string): string | undefined {
    const member = this.member(key)
    return member && readString(this.bytes, member.start, member.end)
  }

  /** The parsed value at a top-level key. Costs a parse of that value: fine for `metadata`, dear for `messages`. */
  value(key: string): unknown {
    const member = this.member(key)
    return member && parseJson(this.bytes.subarray(member.start, member.end))
  }

  /** The value's bytes at a top-level key, as a view. */
  slice(key: string): Uint8Array | undefined {
    const member = this.member(key)
    return member && this.bytes.subarray(member.start, member.end)
  }
}

/** A body of no bytes. */
export const noBody: RequestBody = new RequestBody(emptyBytes)

/**
 * Reads a whole body, counting. The declared length only rejects early; what is enforced is what arrives.
 *
 * @throws GatewayError `body-too-large` past `maxBytes`, `unsupported-encoding` for a compressed body, `malformed-body` when the client stops early.
 */
export async function readBody(request: ClientRequest, maxBytes: number): Promise<RequestBody> {
  if (request.body === undefined) return noBody
  const encoding = headerValue(request.headers, 'content-encoding')
  if (encoding !== undefined && encoding.trim().toLowerCase() !== 'identity') {
    throw new GatewayError('unsupported-encoding', `The gateway does not take ${encoding.slice(0, 20)} request bodies. Send the body without content-encoding.`)
  }
  const declared = Number(headerValue(request.headers, 'content-length') ?? 0)
  if (declared > maxBytes) throw tooLarge(maxBytes)
  const chunks: Uint8Array[] = []
  let total = 0
  try {
    await request.body.pump((chunk) => {
      total += chunk.length
      if (total > maxBytes) throw tooLarge(maxBytes)
      chunks.push(chunk)
    })
  } catch (cause) {
    if (GatewayError.is(cause)) throw cause
    throw new GatewayError('malformed-body', 'The request body ended before it was complete.', { cause })
  }
  return total === 0 ? noBody : new RequestBody(concatBytes(chunks, total))
}

function tooLarge(maxBytes: number): GatewayError {
  return new GatewayError(
    'body-too-large',
    `The request body is larger than this gateway accepts (${maxBytes} bytes). This is the gateway's own limit, not Anthropic's; its operator can raise maxBodyBytes.`,
  )
}
