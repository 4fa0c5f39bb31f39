import { ConfigurationError } from '@sluice/core'
import { openMemoryStore, openStore, type OpenStore } from './open-store.ts'
import type { StartPlan } from './plan.ts'
import type { Given } from './setting.ts'
import { defaultStorePath, toStoreSetting } from './store-setting.ts'

/** A store that was opened, and what the operator should know of the choice. */
export interface ChosenStore {
  readonly store: OpenStore
  readonly notices: readonly string[]
}

/**
 * Opens the store that was asked for. Where nobody asked: a file beside the configuration, so that nothing is lost by forgetting a flag; for a rehearsal,
 * memory, so that no scripted spend is in the books. A file that another gateway has open gives way to memory as a taken port gives way to a free one:
 * only where nobody asked for it, and it is told.
 *
 * @throws ConfigurationError, CommandError
 */
export async function storeOf(asked: Given<string> | undefined, plan: Pick<StartPlan, 'upstream'>, directory: string): Promise<ChosenStore> {
  if (asked !== undefined) return { store: await openStore(toStoreSetting(asked.value, directory)), notices: [] }
  if (plan.upstream.kind === 'rehearsal') return { store: openMemoryStore(), notices: [] }
  try {
    return { store: await openStore(toStoreSetting(`sqlite:${defaultStorePath}`, directory)), notices: [] }
  } catch (cause) {
    if (!ConfigurationError.is(cause) || !cause.message.includes(' is held by ')) throw cause
    const notice = `${defaultStorePath} is open in another gateway, so this one keeps everything in memory: it knows none of its keys and budgets, and forgets its spend when it stops. Give --store to choose.`
    return { store: openMemoryStore(), notices: [notice] }
  }
}
