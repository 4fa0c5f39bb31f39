import type { GatewayError } from '../errors.ts'
import { MessageMeter } from '../meter/message-meter.ts'
import type { UsageReport } from '../meter/usage.ts'
import type { Gate, GateVerdict } from '../relay/gate.ts'
import type { SseFrame } from '../wire/sse-frames.ts'

/** What an {@link overrunGate} goes by. */
export interface OverrunGateOptions {
  /** Priced where the reply names no model. */
  readonly requestedModel: string
  readonly requestBytes: number
  /**
   * Told what the reply has used so far. Returns undefined while that is reserved; else asks for more, and resolves with the refusal where there is no room.
   */
  readonly onUsage: (usage: UsageReport) => Promise<GatewayError | undefined> | undefined
}

/** Frames between two looks at what has been used: some hundred tokens at most. */
const framesPerLook = 16

/** Cuts a stream that uses more than is reserved for it, where no more can be reserved. Looks at every frame that reports usage, and now and then between. */
export function overrunGate({ requestedModel, requestBytes, onUsage }: OverrunGateOptions): Gate {
  const meter = new MessageMeter()
  let frames = 0
  const look = (): GateVerdict | Promise<GateVerdict> => {
    const asked = onUsage(meter.report(requestedModel, requestBytes))
    return asked === undefined ? 'pass' : asked.then((refusal) => refusal ?? 'pass')
  }
  return {
    name: 'budget',
    onFrame: (frame: SseFrame) => {
      meter.frame(frame)
      frames += 1
      const isReport = frame.event === 'message_start' || frame.event === 'message_delta'
      return meter.started && (isReport || frames % framesPerLook === 0) ? look() : 'pass'
    },
    // Whole replies have been paid for already: to hold one back saves nothing.
    onMessage: () => 'pass',
  }
}
