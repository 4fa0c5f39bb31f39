import type { CaseContext } from '../case.ts'
import type { BodyEnd, ClientReply, ClientRequest } from '../client/client-call.ts'
import type { Lane, SeenRequest, UpstreamScript } from '../upstream/lane.ts'
import { json, messageBody, plainMessage } from '../upstream/replies.ts'
import { expectThat } from './expect.ts'

/** One request that went through, and its whole reply. */
export interface Passage {
  readonly lane: Lane
  readonly reply: ClientReply
  readonly bytes: Buffer
  readonly end: BodyEnd
}

/** What to send; the body may depend on the lane's id. */
export interface PassageOptions extends Omit<ClientRequest, 'lane' | 'body'> {
  /** @defaultValue a plain message; null for no body */
  readonly body?: ((lane: string) => Uint8Array | string) | null
  /** @defaultValue a plain JSON message */
  readonly script?: UpstreamScript
}

/** Sends one request, and reads the reply to its end. */
export async function pass(context: CaseContext, options: PassageOptions = {}): Promise<Passage> {
  const { body = messageBody, script = json(plainMessage()), ...request } = options
  const lane = context.lane(script)
  const reply = await context.send({ ...request, lane: lane.id, ...(body === null ? {} : { body: body(lane.id) }) })
  return { lane, reply, ...(await reply.read()) }
}

/** The same, for cases about requests: asks that it was forwarded, once, and answered, and returns what the upstream saw. */
export async function forwarded(context: CaseContext, options: PassageOptions = {}): Promise<SeenRequest> {
  const { lane, reply, bytes } = await pass(context, options)
  const seen = lane.requests[0]
  expectThat(seen !== undefined, `not forwarded: the gateway answered ${reply.status} ${bytes.toString('utf8').slice(0, 120)}`)
  expectThat(lane.requests.length === 1, `forwarded ${lane.requests.length} times`)
  expectThat(reply.status === 200, `forwarded, but answered with status ${reply.status} instead of 200`)
  return seen
}
