import type { AnthropicErrorType } from '@sluice/core'

/** An answer that says no, in the envelope that clients of the gateway know. Its message says what to do, and holds no secret. */
export class Refusal extends Error {
  override readonly name: string = 'Refusal'
  readonly status: number
  readonly type: AnthropicErrorType
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, type: AnthropicErrorType, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message)
    this.status = status
    this.type = type
    this.headers = headers
  }
}

/** 400: the question is wrong, and the message says how. */
export function badRequest(message: string): Refusal {
  return new Refusal(400, 'invalid_request_error', message)
}

/** 404: it is not there, or the token may not see it; the answer does not tell which. */
export function notFound(what: string): Refusal {
  return new Refusal(404, 'not_found_error', `There is no ${what} that this token may see. List what there is, and compare the id letter by letter.`)
}

/** 409: somebody else was faster, or it is in a state that does not allow this. */
export function conflict(message: string): Refusal {
  return new Refusal(409, 'invalid_request_error', message)
}

/** 409: another change came first. Thrown by a change that could be tried again on what is there now. */
export class LostRace extends Refusal {
  constructor(what: string) {
    super(409, 'invalid_request_error', `${what} was changed meanwhile. Read it again, and decide again.`)
  }
}

const mostTries = 5

/** Makes a change, again and again while others come first, a few times; once where `isOnce` says so. @throws LostRace in the end */
export async function untilFirst<Value>(isOnce: boolean, change: () => Promise<Value>): Promise<Value> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await change()
    } catch (cause) {
      if (!(cause instanceof LostRace) || isOnce || tries >= mostTries) throw cause
    }
  }
}

/** Text from outside, cut to a length that a message can bear. */
export function shown(text: string, maxLength = 60): string {
  return text.length > maxLength ? `${text.slice(0, maxLength - 1)}…` : text
}
