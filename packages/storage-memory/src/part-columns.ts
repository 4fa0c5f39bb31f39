import type { EntryDimension } from '@sluice/core/ledger'
import { blockRows } from './blocks.ts'

const labels = (): Uint32Array => new Uint32Array(blockRows)
const numbers = (): Float64Array => new Float64Array(blockRows)

/** A block of report parts: what each ran up, one column a field. Labels are numbers of a `Dictionary`. */
export class PartColumns implements Readonly<Record<EntryDimension, Uint32Array>> {
  readonly session: Uint32Array = labels()
  readonly developer: Uint32Array = labels()
  readonly repository: Uint32Array = labels()
  readonly model: Uint32Array = labels()
  readonly agent: Uint32Array = labels()
  readonly kind: Uint32Array = labels()
  readonly outcome: Uint32Array = labels()
  readonly key: Uint32Array = labels()
  readonly scope: Uint32Array = labels()
  readonly organisation: Uint32Array = labels()
  readonly businessUnit: Uint32Array = labels()
  readonly subBusinessUnit: Uint32Array = labels()
  readonly costCentre: Uint32Array = labels()
  readonly startedAt: Float64Array = numbers()
  /** NaN for an amount that a number does not hold exactly: it is kept beside the columns. */
  readonly costNanoUsd: Float64Array = numbers()
  readonly freshInputTokens: Float64Array = numbers()
  readonly cacheReadTokens: Float64Array = numbers()
  readonly cacheWrite5mTokens: Float64Array = numbers()
  readonly cacheWrite1hTokens: Float64Array = numbers()
  readonly outputTokens: Float64Array = numbers()
  readonly webSearchRequests: Float64Array = numbers()
  readonly webFetchRequests: Float64Array = numbers()
  readonly exchanges: Float64Array = numbers()
  readonly unpricedExchanges: Float64Array = numbers()
  readonly partialExchanges: Float64Array = numbers()
  /** 0 in the parts of an exchange after its first. */
  readonly leadingExchanges: Float64Array = numbers()
  readonly leadingUnpriced: Float64Array = numbers()
  readonly leadingPartial: Float64Array = numbers()
  /** NaN where there is none. */
  readonly firstByteMillis: Float64Array = numbers()
  readonly durationMillis: Float64Array = numbers()
}
