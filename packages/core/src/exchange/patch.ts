import type { PatchNote } from '../entry/settlement.ts'
import { toBytes } from '../wire/bytes.ts'
import { RequestBody } from './request-body.ts'

/** One span of the client's body and what stands there instead. */
export interface Splice {
  readonly start: number
  readonly end: number
  readonly replacement: Uint8Array
}

/** A declared change of the request body: spans, never a reprint. */
export interface Patch {
  /** What the settlement says was done: `replace model`. */
  readonly name: string
  /** The spans to change, found in the client's bytes. No spans means nothing to do. */
  readonly splices: (body: RequestBody) => readonly Splice[]
}

/** Replaces the string at a top-level key, every occurrence where the key is repeated, so that no two readers disagree. */
export function replaceTopLevelString(key: string, value: string): Patch {
  return {
    name: `replace ${key}`,
    splices: (body) => {
      const replacement = toBytes(JSON.stringify(value))
      return body.members(key).map(({ start, end }) => ({ start, end, replacement }))
    },
  }
}

/** A body after its patches, in chunks to send, and the notes. Whatever no patch touched is the client's own bytes, uncopied. */
export interface PatchedBody {
  readonly chunks: readonly Uint8Array[]
  readonly notes: readonly PatchNote[]
}

/**
 * Applies patches, all spans measured in the client's bytes. The chunks are for the transport only.
 *
 * @throws RangeError when two patches claim overlapping spans, or a span lies outside the body.
 */
export function applyPatches(body: RequestBody, patches: readonly Patch[]): PatchedBody {
  const planned = patches.flatMap((patch) => patch.splices(body).map((splice) => ({ ...splice, name: patch.name })))
  return RequestBody.glance(body, () => cut(body, planned))
}

function cut(body: RequestBody, planned: (Splice & { readonly name: string })[]): PatchedBody {
  if (planned.length === 0) return { chunks: body.chunks, notes: [] }
  planned.sort((left, right) => left.start - right.start || left.end - right.end)
  const chunks: Uint8Array[] = []
  const notes: PatchNote[] = []
  let at = 0
  for (const { name, start, end, replacement } of planned) {
    if (start < at || end < start || end > body.length) throw new RangeError(`patch "${name}" overlaps another or leaves the body (${start} to ${end})`)
    chunks.push(...body.parts(at, start), replacement)
    notes.push({ name, start, end, insertedBytes: replacement.length })
    at = end
  }
  chunks.push(...body.parts(at, body.length))
  return { chunks: chunks.filter((chunk) => chunk.length > 0), notes }
}
