import type { ClientSink } from '../ports/client-request.ts'
import type { HeaderList } from '../wire/header-list.ts'

type OnFailure = (call: keyof ClientSink, cause: unknown) => void

/**
 * A sink that neither throws nor rejects: an exchange must come to its settlement whatever its adapter does. The first failure is told to `onFailure`
 * and breaks the reply off; what is said to the sink after that goes nowhere.
 */
export function safeSink(sink: ClientSink, onFailure: OnFailure): ClientSink {
  return new SafeSink(sink, onFailure)
}

class SafeSink implements ClientSink {
  readonly #sink: ClientSink
  readonly #onFailure: OnFailure
  #isBroken = false

  constructor(sink: ClientSink, onFailure: OnFailure) {
    this.#sink = sink
    this.#onFailure = onFailure
  }

  head(status: number, headers: HeaderList): void {
    if (this.#isBroken) return
    try {
      this.#sink.head(status, headers)
    } catch (cause) {
      this.#failed('head', cause)
    }
  }

  write(chunk: Uint8Array): void | Promise<void> {
    if (this.#isBroken) return undefined
    try {
      return this.#sink.write(chunk)?.then(undefined, (cause: unknown) => this.#failed('write', cause))
    } catch (cause) {
      return this.#failed('write', cause)
    }
  }

  close(): void {
    if (this.#isBroken) return
    try {
      this.#sink.close()
    } catch (cause) {
      this.#failed('close', cause)
    }
  }

  abort(reason: unknown): void {
    if (this.#isBroken) return
    try {
      this.#sink.abort(reason)
    } catch (cause) {
      this.#failed('abort', cause)
    }
  }

  #failed(call: keyof ClientSink, cause: unknown): void {
    if (this.#isBroken) return
    this.#isBroken = true
    try {
      this.#sink.abort(cause)
    } catch {
      // It has failed already, and is told of.
    }
    this.#onFailure(call, cause)
  }
}
