import type { AttemptRecord, PatchNote } from '../entry/settlement.ts'
import type { LiveExchange } from '../exchange/live-exchange.ts'
import type { PatchedBody } from '../exchange/patch.ts'
import { RequestBody } from '../exchange/request-body.ts'
import { toText } from '../wire/bytes.ts'
import type { UsageReport } from '../meter/usage.ts'
import type { DialectRequest } from '../ports/upstream-dialect.ts'
import { digestOf, type DigestFactory } from '../wire/digest.ts'
import { keptText } from '../wire/kept-text.ts'
import type { AttemptOutcome } from './attempt.ts'
import type { DialectUse } from './dialect-use.ts'
import type { Upstream } from './upstream.ts'

/** What is kept of a request once its body is gone. */
export interface RequestFacts {
  readonly bytes: number
  readonly requestedModel: string | undefined
  /** Undefined where nothing was sent. */
  readonly resolvedModel: string | undefined
  readonly requestDigest: string | undefined
  readonly upstreamRequestDigest: string | undefined
}

/** What is known of an exchange's way upstream, filled in as it goes; the settlement reads it whatever happened. */
export interface Journey {
  readonly attempts: AttemptRecord[]
  /** True once the first middleware was asked. */
  isAdmitted?: boolean
  facts?: RequestFacts | undefined
  patches?: readonly PatchNote[] | undefined
  outcome?: AttemptOutcome
  /** What tries cost whose stream died before its first content, and was never handed on. */
  lost?: readonly UsageReport[] | undefined
}

/** Longer than any model's name in JSON. */
const maxModelBytes = 2048

/** The model as a record keeps it: of what is too long to be a name, the start. */
export function modelToKeep(body: RequestBody): string | undefined {
  const member = body.member('model')
  if (member === undefined) return undefined
  if (member.end - member.start > maxModelBytes) {
    const start = body.range(member.start, member.start + maxModelBytes)
    return start[0] === 0x22 ? keptText(toText(start.subarray(1))) : undefined
  }
  const model = body.string('model')
  return model && keptText(model)
}

/** Reads from a request what its settlement needs. `sent` is what goes to the upstream, or to its dialect, which says by itself what it made of it. */
export function factsOf(exchange: LiveExchange, body: RequestBody, sent: PatchedBody | undefined, digests: DigestFactory, hasDialect = false): RequestFacts {
  return RequestBody.glance(body, () => readFacts(exchange, body, sent, digests, hasDialect))
}

function readFacts(exchange: LiveExchange, body: RequestBody, sent: PatchedBody | undefined, digests: DigestFactory, hasDialect: boolean): RequestFacts {
  const requestedModel = exchange.isModelRequest ? modelToKeep(body) : undefined
  const requestDigest = body.digest ?? digestOf(digests, body.chunks)
  const isUnchanged = sent?.chunks === body.chunks
  return {
    bytes: body.length,
    requestedModel,
    resolvedModel: sent === undefined || isUnchanged ? requestedModel : modelToKeep(new RequestBody(...sent.chunks)),
    requestDigest,
    // The very arrays that the client's bytes stand in were sent: one digest is that of both.
    upstreamRequestDigest: hasDialect ? undefined : sent && (isUnchanged ? requestDigest : digestOf(digests, sent.chunks)),
  }
}

/**
 * What one exchange has for its upstream's dialect, which says here what it sent. The resolved model stays the one that the dialect was given:
 * prices know that name, and an upstream's own (an ARN with an account in it) is no business of a record's.
 */
export function dialectUseOf(
  exchange: LiveExchange,
  journey: Journey,
  { dialect, basePath }: Upstream,
  body: RequestBody,
  sent: PatchedBody,
  digests: DigestFactory,
  signal: AbortSignal,
): DialectUse | undefined {
  if (dialect === undefined) return undefined
  const { method, target, isModelRequest } = exchange
  const given = sent.chunks === body.chunks ? body : new RequestBody(...sent.chunks)
  const model = isModelRequest ? given.string('model') : undefined
  const isStream = isModelRequest && given.value('stream', maxModelBytes) === true
  const onSent = ({ body: chunks, patches }: DialectRequest): void => {
    journey.patches = [...sent.notes, ...patches]
    const { requestDigest, ...facts } = (journey.facts ??= factsOf(exchange, body, sent, digests, true))
    const upstreamRequestDigest = chunks === body.chunks ? requestDigest : digestOf(digests, chunks)
    journey.facts = { ...facts, requestDigest, upstreamRequestDigest }
  }
  return { dialect, facts: { method, path: target.path, basePath, model, isStream, signal }, digests, onSent }
}
