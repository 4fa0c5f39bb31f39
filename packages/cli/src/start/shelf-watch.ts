import type { Fault, PolicyShelf } from '@sluice/core'

/** Whether anything was ever published on a shelf. */
export interface ShelfWatch {
  /** As far as is known. Has the shelf looked at every few seconds, and waits for nothing. Once false, always false: nothing that was published goes away. */
  readonly isEmpty: () => boolean
  /** Looks now. Never rejects. */
  readonly look: () => Promise<void>
}

/** What watching a shelf takes. */
export interface ShelfWatchOptions {
  readonly shelf: PolicyShelf
  /** What was just seen. */
  readonly isEmpty: boolean
  /** Milliseconds, from any beginning. */
  readonly now: () => number
  readonly onFault: (fault: Fault) => void
}

const lookMillis = 5_000

/** Watches a shelf for its first policy: a gateway that has none spends nothing on routing by one. */
export function shelfWatch({ shelf, isEmpty: isEmptyAtFirst, now, onFault }: ShelfWatchOptions): ShelfWatch {
  let isEmpty = isEmptyAtFirst
  let lookedAt = now()
  let isLooking = false
  const look = async (): Promise<void> => {
    if (!isEmpty) return
    lookedAt = now()
    isLooking = true
    try {
      if ((await shelf.current()) !== undefined) isEmpty = false
    } catch (cause) {
      onFault({ code: 'policy-shelf-failed', message: 'the policy shelf does not answer; there is no policy as far as is known', source: 'policy', cause })
    } finally {
      isLooking = false
    }
  }
  return {
    look,
    isEmpty: () => {
      if (isEmpty && !isLooking && now() - lookedAt >= lookMillis) void look()
      return isEmpty
    },
  }
}
