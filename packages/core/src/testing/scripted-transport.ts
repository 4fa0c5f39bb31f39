import { TransportError, type Transport, type UpstreamReply, type UpstreamRequest } from '../ports/runtime.ts'
import type { ByteSource } from '../wire/byte-stream.ts'
import { toBytes } from '../wire/bytes.ts'
import type { HeaderList } from '../wire/header-list.ts'

/** Part of a scripted body: bytes (text is sent as UTF-8), or something to do and wait for in between. */
export type ScriptStep = Uint8Array | string | (() => unknown)

/** One reply of a {@link scriptedTransport}. */
export interface ScriptedReply {
  /** @defaultValue 200 */
  readonly status?: number
  /** @defaultValue none */
  readonly headers?: HeaderList
  /** Each bytes step is one chunk. @defaultValue empty */
  readonly body?: readonly ScriptStep[]
  /** Waited for before the head. */
  readonly beforeHead?: () => unknown
  /** No head comes: `send` rejects with this, a {@link TransportError} for what a network does. */
  readonly failWith?: unknown
  /** The connection breaks with this after the body, instead of ending. */
  readonly breakWith?: unknown
  /** Says nothing for ever: in place of the head, or in place of the body's end. */
  readonly hang?: 'before-head' | 'after-body'
  readonly isDecoded?: boolean
}

/** What became of one request to a {@link scriptedTransport}. */
export interface ScriptedCall {
  readonly request: UpstreamRequest
  /** Set once the body was cancelled, or the signal aborted before the head. */
  readonly cancelled: { readonly reason: unknown } | undefined
  /** Chunks handed on and taken, back-pressure included. */
  readonly chunksTaken: number
}

/** A transport without a network. */
export interface ScriptedTransport extends Transport {
  /** Every request so far, in order. */
  readonly calls: readonly ScriptedCall[]
}

/**
 * A {@link Transport} that answers from a script: a list, one reply a request, or a function. A request beyond the list's end fails as unreachable.
 *
 * ```ts
 * const upstream = scriptedTransport([{ headers: [['content-type', 'text/event-stream']], body: ['event: ping\n', 'data: {}\n\n'], breakWith: new Error('reset') }])
 * ```
 */
export function scriptedTransport(
  script: readonly ScriptedReply[] | ((request: UpstreamRequest, index: number) => ScriptedReply | Promise<ScriptedReply>),
): ScriptedTransport {
  const calls: Mutable<ScriptedCall>[] = []
  return {
    calls,
    send: async (request) => {
      const call: Mutable<ScriptedCall> = { request, cancelled: undefined, chunksTaken: 0 }
      const index = calls.push(call) - 1
      const stop = stopper((reason) => (call.cancelled = { reason }))
      const onAbort = (): void => stop.now(request.signal.reason)
      if (request.signal.aborted) onAbort()
      request.signal.addEventListener('abort', onAbort)
      try {
        return await stop.unless(answer(typeof script === 'function' ? script(request, index) : script[index], call, stop))
      } finally {
        request.signal.removeEventListener('abort', onAbort)
      }
    },
  }
}

type Mutable<Type> = { -readonly [Key in keyof Type]: Type[Key] }

/** Ends waiting early. */
interface Stopper {
  readonly now: (reason: unknown) => void
  /** Rejects once stopped, at once if it was before; else takes the promise's value. */
  readonly unless: <Value>(promise: Value | Promise<Value>) => Promise<Value>
}

function stopper(onStop: (reason: unknown) => void): Stopper {
  let isStopped = false
  let reject: (reason: unknown) => void = () => undefined
  const stopped = new Promise<never>((_, onReject) => {
    reject = onReject
  })
  stopped.catch(() => undefined)
  return {
    now: (reason) => {
      if (isStopped) return
      isStopped = true
      onStop(reason)
      reject(reason)
    },
    unless: (promise) => Promise.race([stopped, promise]),
  }
}

const never: Promise<never> = new Promise(() => undefined)

async function answer(scripted: ScriptedReply | undefined | Promise<ScriptedReply>, call: Mutable<ScriptedCall>, stop: Stopper): Promise<UpstreamReply> {
  const reply = await scripted
  if (reply === undefined) throw new TransportError('connect', 'connect: the script has no reply for this request')
  await reply.beforeHead?.()
  if (reply.hang === 'before-head') await never
  if (reply.failWith !== undefined) throw reply.failWith
  const { status = 200, headers = [], isDecoded } = reply
  return { status, headers, body: bodyOf(reply, call, stop), ...(isDecoded !== undefined && { isDecoded }) }
}

function bodyOf({ body = [], breakWith, hang }: ScriptedReply, call: Mutable<ScriptedCall>, stop: Stopper): ByteSource {
  return {
    pump: async (write) => {
      for (const step of body) {
        await stop.unless(undefined)
        if (typeof step === 'function') {
          await stop.unless(step())
        } else {
          await stop.unless(write(typeof step === 'string' ? toBytes(step) : step))
          call.chunksTaken += 1
        }
      }
      await stop.unless(undefined)
      if (hang === 'after-body') await stop.unless(never)
      if (breakWith !== undefined) throw breakWith
    },
    cancel: (reason) => stop.now(reason),
  }
}
