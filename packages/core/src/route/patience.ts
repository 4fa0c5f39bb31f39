import type { Clock } from '../host.ts'

/** How long one target is waited for. */
export interface Patience {
  /** Aborted with the exchange, and where the time is over; it follows the exchange also after `stop`, until `leave`. */
  readonly signal: AbortSignal
  /** True where the time ended the waiting, and not the exchange. */
  readonly isOver: () => boolean
  /** The head has come, or nothing will. */
  readonly stop: () => void
  /** Nobody looks at the signal any more: it no longer follows the exchange, which would keep it for as long as the reply lasts. */
  readonly leave: () => void
}

/** A signal within another, aborted after so long with what `reason` says. One target's end is not the exchange's: the next may be asked. */
export function patience(outer: AbortSignal, clock: Clock, millis: number, reason: () => unknown): Patience {
  const controller = new AbortController()
  let isOver = false
  const onAbort = (): void => controller.abort(outer.reason)
  if (outer.aborted) onAbort()
  else outer.addEventListener('abort', onAbort, { once: true })
  const stop = clock.after(millis, () => {
    if (controller.signal.aborted) return
    isOver = true
    controller.abort(reason())
  })
  return { signal: controller.signal, isOver: () => isOver, stop, leave: () => outer.removeEventListener('abort', onAbort) }
}
