import type { ClientSink } from '../ports/client-request.ts'

/**
 * A sink that neither throws nor rejects: an exchange must come to its settlement whatever its adapter does. The first failure is told to `onFailure`
 * and breaks the reply off; what is said to the sink after that goes nowhere.
 */
export function safeSink(sink: ClientSink, onFailure: (call: keyof ClientSink, cause: unknown) => void): ClientSink {
  let isBroken = false
  const failed = (call: keyof ClientSink, cause: unknown): void => {
    if (isBroken) return
    isBroken = true
    try {
      sink.abort(cause)
    } catch {
      // It has failed already, and is told of.
    }
    onFailure(call, cause)
  }
  const attempt = (call: keyof ClientSink, act: () => void | Promise<void>): void | Promise<void> => {
    if (isBroken) return undefined
    try {
      const pressure = act()
      return pressure === undefined ? undefined : pressure.then(undefined, (cause: unknown) => failed(call, cause))
    } catch (cause) {
      return failed(call, cause)
    }
  }
  return {
    head: (status, headers) => void attempt('head', () => sink.head(status, headers)),
    write: (chunk) => attempt('write', () => sink.write(chunk)),
    close: () => void attempt('close', () => sink.close()),
    abort: (reason) => void attempt('abort', () => sink.abort(reason)),
  }
}
