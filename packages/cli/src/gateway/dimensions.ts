import type { ReportDimension } from '@sluice/core'
import { entryDimensions } from '@sluice/core/ledger'
import { UsageError } from '../errors.ts'
import { didYouMean } from '../flags/nearest.ts'

/** Every dimension of a report, in the order of its columns. */
export const dimensions: readonly ReportDimension[] = ['day', 'hour', ...entryDimensions]

/** The dimension of a name, which may be written `cost-centre` too. @throws UsageError naming the flag, and the nearest */
export function dimensionOf(flag: string, name: string): ReportDimension {
  const camel = name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
  const found = dimensions.find((dimension) => dimension === camel)
  if (found === undefined) throw new UsageError(`${flag}: "${name.slice(0, 40)}" is not one of ${dimensions.join(', ')}.${didYouMean(camel, dimensions)}`)
  return found
}

/** `dimension=value`, checked and spelled as the gateway does. @throws UsageError */
export function filterOf(flag: string, text: string): string {
  const at = text.indexOf('=')
  const name = dimensionOf(flag, at === -1 ? text : text.slice(0, at))
  if (at === -1 || name === 'hour' || name === 'day')
    throw new UsageError(`${flag}: "${text.slice(0, 40)}" is not a filter. Give dimension=value, such as session=…; for times --since and --until.`)
  return `${name}=${text.slice(at + 1)}`
}
