import type { ClientSink, HeaderList } from '@sluice/core'

/** What a sink is made for. */
export interface ResponseSinkOptions {
  readonly method: string
  /** Aborted when the client leaves before the reply has ended. */
  readonly client: AbortController
  readonly highWaterMarkBytes: number
  /** What the end of the reply waits for; must not reject. Undefined where there is nothing to wait for. */
  readonly beforeEnd: () => Promise<unknown> | undefined
}

/** A sink that makes a `Response` of what it is told. */
export interface ResponseSink extends ClientSink {
  /** Resolves with the head; never rejects. */
  readonly response: Promise<Response>
  readonly clientGone: (reason: unknown) => void
  /** The exchange is settled: where core has neither closed nor aborted the reply (its head could not be sent), it ends now. */
  readonly settled: () => void
}

/** Statuses that a `Response` may have no body with (https://fetch.spec.whatwg.org/#null-body-status). */
const nullBodyStatuses: ReadonlySet<number> = new Set([101, 103, 204, 205, 304])

/** One reply on its way into a `Response`. The stream holds at most `highWaterMarkBytes` and one chunk; beyond it, `write` asks to wait. */
export function responseSink({ method, client, highWaterMarkBytes, beforeEnd }: ResponseSinkOptions): ResponseSink {
  const { promise: response, resolve } = Promise.withResolvers<Response>()
  let body: ReadableStreamDefaultController<Uint8Array> | undefined
  /** A reply without a body is handed over at its end: some runtimes call the request aborted as soon as they have answered it. */
  let bodiless: Response | undefined
  let pressure: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined
  let isOver = false
  let isGone = false

  const release = (): void => {
    pressure?.resolve()
    pressure = undefined
  }
  const clientGone = (reason: unknown): void => {
    isGone = true
    release()
    if (isOver) return
    isOver = true
    client.abort(reason ?? new Error('the client closed the connection'))
  }
  const finish = (end: () => void): void => {
    isOver = true
    release()
    const waiting = beforeEnd()
    if (waiting === undefined) end()
    else void waiting.then(end)
  }
  return {
    response,
    head: (status, headers) => {
      const init = responseInit(status, headers)
      if (method === 'HEAD' || nullBodyStatuses.has(status)) {
        bodiless = new Response(null, init)
        return
      }
      const stream = new ReadableStream<Uint8Array>(
        {
          start: (controller) => {
            body = controller
          },
          pull: release,
          cancel: clientGone,
        },
        new ByteLengthQueuingStrategy({ highWaterMark: highWaterMarkBytes }),
      )
      resolve(new Response(stream, init))
    },
    write: (chunk) => {
      if (isOver || body === undefined) return undefined
      body.enqueue(chunk)
      if ((body.desiredSize ?? 1) > 0) return undefined
      pressure ??= Promise.withResolvers<void>()
      return pressure.promise
    },
    close: () =>
      finish(() => {
        if (bodiless !== undefined) resolve(bodiless)
        else if (!isGone) body?.close()
      }),
    abort: (reason) =>
      finish(() => {
        // Nobody reads it where the client has left; where the head could not be made, it is all that can be said.
        resolve(new Response(null, { status: 502 }))
        if (!isGone) body?.error(reason)
      }),
    clientGone,
    settled: () => {
      if (isOver) return
      isOver = true
      resolve(new Response(null, { status: 502 }))
      body?.error(new Error('the exchange is over'))
    },
  }
}

function responseInit(status: number, headers: HeaderList): ResponseInit {
  const list = new Headers()
  for (const [name, value] of headers) list.append(name, value)
  // workerd would encode the body once more where the headers name an encoding; others ignore the word.
  const init: ResponseInit & { readonly encodeBody: 'manual' } = { status, headers: list, encodeBody: 'manual' }
  return init
}
