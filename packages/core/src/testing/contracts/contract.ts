import { ConfigurationError } from '../../errors.ts'

/** One sentence that a store must make true. Data: hand `name` and `run` to any test runner, `for (const { name, run } of contract) test(name, run)`. */
export interface Contract {
  /** A sentence a buyer could read. A declared gap is part of it. */
  readonly name: string
  /** Resolves where the sentence is true; rejects with what was seen. */
  readonly run: () => Promise<void>
  /** Why the store does not keep this sentence, where it says so. */
  readonly gap?: string
}

/** A sentence of the contract that an adapter does not keep, said out loud. */
export interface DeclaredGap {
  /** The contract's name. */
  readonly case: string
  readonly reason: string
}

/** One sentence, checked against a fresh store. */
export interface StoreCase<Store> {
  readonly name: string
  readonly check: (store: Store) => Promise<void>
}

/** How to get stores, and get rid of them. */
export interface StoreSource<Store> {
  readonly create: () => Promise<Store>
  readonly destroy?: (store: Store) => Promise<void>
}

/**
 * Makes contracts of cases. A case with a declared gap still runs, and has to fail: a gap that has closed is reported, so that the declaration goes.
 *
 * @throws ConfigurationError for a gap that names no case
 */
export function contractsOf<Store>(cases: readonly StoreCase<Store>[], source: StoreSource<Store>, gaps: readonly DeclaredGap[] = []): readonly Contract[] {
  for (const [index, gap] of gaps.entries()) {
    if (!cases.some(({ name }) => name === gap.case))
      throw new ConfigurationError(`gaps[${index}].case`, `"${gap.case}" is not a case of this contract. Copy the name from the test report.`)
  }
  return cases.map(({ name, check }) => {
    const run = async (): Promise<void> => {
      const store = await source.create()
      try {
        await check(store)
      } finally {
        await source.destroy?.(store)
      }
    }
    const gap = gaps.find((declared) => declared.case === name)
    return gap === undefined ? { name, run } : { name: `${name} [gap: ${gap.reason}]`, gap: gap.reason, run: () => mustFail(name, run) }
  })
}

async function mustFail(name: string, run: () => Promise<void>): Promise<void> {
  try {
    await run()
  } catch {
    return
  }
  throw new Error(`The store keeps "${name}", which it declares a gap. Remove the declaration.`)
}
