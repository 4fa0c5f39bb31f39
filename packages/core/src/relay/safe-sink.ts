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
  const attempt = (call: keyof ClientSink, act: () => void): void => {
    if (isBroken) return
    try {
      act()
    } catch (cause) {
      failed(call, cause)
    }
  }
  return {
    head: (status, headers) => attempt('head', () => sink.head(status, headers)),
    write: (chunk) => {
      if (isBroken) return undefined
      try {
        return sink.write(chunk)?.then(undefined, (cause: unknown) => failed('write', cause))
      } catch (cause) {
        return failed('write', cause)
      }
    },
    close: () => attempt('close', () => sink.close()),
    abort: (reason) => attempt('abort', () => sink.abort(reason)),
  }
}
