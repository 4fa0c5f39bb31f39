import type { ServerResponse } from 'node:http'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { toHeaderList } from '../wire/headers.ts'
import type { ScriptedReply, Step } from '../wire/reply.ts'
import type { CallOutcome, LiveCall } from './call.ts'

/**
 * Long enough for the peer to read what was flushed before the connection breaks. Without it the cut overtakes the data:
 * a reset may discard unread bytes, and Claude Code 2.1.330 drops a whole reply, even with its message_stop, when a FIN
 * inside the chunked body arrives together with it.
 */
const CUT_AFTER_MILLIS = 10

/** Thrown inside a reply to leave it at once; never reaches the caller. */
class Ended {
  readonly outcome: CallOutcome
  constructor(outcome: CallOutcome) {
    this.outcome = outcome
  }
}

/**
 * Plays one reply on one response, honouring back-pressure, and says how it ended. Two listeners a response, whatever
 * the number of steps.
 */
export async function play(reply: ScriptedReply, response: ServerResponse, call: LiveCall, pace: number): Promise<CallOutcome> {
  const player = new Player(response, call, pace)
  try {
    if (!holdsHead(reply.steps)) player.head(reply, !startsWithBytes(reply.steps))
    await player.steps(reply.steps, reply)
    return await player.finish(reply)
  } catch (reason) {
    if (reason instanceof Ended) return reason.outcome
    throw reason
  } finally {
    player.release()
  }
}

const holdsHead = (steps: readonly Step[]): boolean => steps.some((step) => 'head' in step)
const startsWithBytes = (steps: readonly Step[]): boolean => {
  const first = steps[0]
  return first === undefined || 'bytes' in first
}

const noBytes = new Uint8Array(0)
const mayHaveBody = ({ req, statusCode }: ServerResponse): boolean => req.method !== 'HEAD' && statusCode !== 204 && statusCode !== 304

class Player {
  readonly #response: ServerResponse
  readonly #call: LiveCall
  readonly #pace: number
  #drained: (() => void) | undefined
  #resume: (() => void) | undefined
  #gone = false

  constructor(response: ServerResponse, call: LiveCall, pace: number) {
    this.#response = response
    this.#call = call
    this.#pace = pace
    response.on('close', this.#onClose)
    response.on('drain', this.#onDrain)
    if (response.destroyed || response.socket?.destroyed !== false) this.#onClose()
  }

  release(): void {
    this.#response.off('close', this.#onClose)
    this.#response.off('drain', this.#onDrain)
  }

  head(reply: ScriptedReply, flush: boolean): void {
    const headers = toHeaderList(reply.headers)
    this.#call.responseStatus = reply.status
    this.#call.responseHeaders = headers
    this.#response.writeHead(reply.status, headers.flat())
    if (flush) this.#flushHead()
  }

  #flushHead(): void {
    // An empty chunk, not flushHeaders(): that writes the head as UTF-8, and so changes header values beyond ASCII.
    if (mayHaveBody(this.#response)) this.#response.write(noBytes)
    // Where no body may follow, Node ignores a write, and there is no other way.
    else this.#response.flushHeaders()
  }

  async steps(steps: readonly Step[], reply: ScriptedReply): Promise<void> {
    for (const step of steps) {
      if (this.#gone) throw new Ended('client-gone')
      if ('bytes' in step) {
        if (!this.#write(typeof step.bytes === 'string' ? Buffer.from(step.bytes) : step.bytes)) await this.#drain()
      } else if ('waitMillis' in step) await this.#wait(step.waitMillis)
      else if ('head' in step) {
        if (!this.#response.headersSent) this.head(reply, true)
      } else if ('until' in step) await this.#pause((resume, fail) => void step.until.then(resume, fail))
      else if ('stall' in step) await this.#pause(() => {})
      else if ('cut' in step) await this.#cut(step.cut, step.afterMillis ?? CUT_AFTER_MILLIS)
      else if ('repeat' in step) for (let round = 0; round < step.times; round += 1) await this.steps(step.repeat, reply)
      else await this.#generate(step.generate)
    }
  }

  async finish(reply: ScriptedReply): Promise<CallOutcome> {
    if (!this.#response.headersSent) this.head(reply, false)
    await this.#pause((resume) => this.#response.end(resume))
    return 'completed'
  }

  /** Waits for one thing, or for the client to leave; a single slot, so that nothing piles up on a long stream. */
  async #pause(start: (resume: () => void, fail: (reason: unknown) => void) => void): Promise<void> {
    if (!this.#gone) {
      await new Promise<void>((resolve, reject) => {
        this.#resume = resolve
        start(resolve, reject)
      })
      this.#resume = undefined
    }
    if (this.#gone) throw new Ended('client-gone')
  }

  #write(bytes: Uint8Array): boolean {
    if (bytes.length === 0) return true
    this.#call.wrote(bytes)
    return this.#response.write(bytes)
  }

  async #drain(): Promise<void> {
    await this.#pause((resume) => {
      this.#drained = resume
    })
  }

  async #generate(source: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<void> {
    const iterator = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]()
    try {
      for (;;) {
        let result: IteratorResult<Uint8Array> | undefined
        const pulled = iterator.next()
        if (pulled instanceof Promise) {
          await this.#pause(
            (resume, fail) =>
              void pulled.then((value) => {
                result = value
                resume()
              }, fail),
          )
        } else result = pulled
        if (result === undefined || result.done === true) return
        if (!this.#write(result.value)) await this.#drain()
        if (this.#gone) throw new Ended('client-gone')
      }
    } finally {
      void iterator.return?.()
    }
  }

  async #wait(millis: number): Promise<void> {
    const scaled = millis * this.#pace
    if (scaled <= 0) {
      if (millis === 0) await nextTurn()
      return
    }
    let timer: NodeJS.Timeout | undefined
    try {
      await this.#pause((resume) => {
        timer = setTimeout(resume, scaled)
      })
    } finally {
      clearTimeout(timer)
    }
  }

  async #cut(how: 'reset' | 'fin', afterMillis: number): Promise<never> {
    const { socket } = this.#response
    if (socket === null) throw new Ended('client-gone')
    await nextTurn()
    await this.#pause((resume) => socket.write('', () => resume()))
    this.release()
    if (afterMillis > 0) await new Promise((resolve) => setTimeout(resolve, afterMillis))
    if (how === 'fin') socket.end(() => socket.destroy())
    else socket.resetAndDestroy()
    throw new Ended('cut')
  }

  readonly #onClose = (): void => {
    if (this.#response.writableFinished) return
    this.#gone = true
    this.#resume?.()
  }

  readonly #onDrain = (): void => {
    this.#drained?.()
    this.#drained = undefined
  }
}
