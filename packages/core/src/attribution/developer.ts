import type { Attributed } from '../entry/attribution.ts'
import type { Principal } from '../ports/key-ring.ts'
import { headerValue, type HeaderList } from '../wire/header-list.ts'
import { toDeclaredLabel } from './labels.ts'
import type { ClientMetadata } from './metadata.ts'

/** Hex digits of a device or account id that are kept: enough to tell thousands apart, too few to be the id. */
const hintDigits = 12

/** The device, shortened to an anonymous form. */
export function deviceOf(metadata: ClientMetadata | undefined): Attributed | undefined {
  return metadata?.device === undefined ? undefined : { value: metadata.device.slice(0, hintDigits), source: metadata.source }
}

/** Who spends: the key's developer, else what the client declares, else an anonymous hint from its metadata. */
export function developerOf(
  principal: Principal | undefined,
  headers: HeaderList,
  headerName: string,
  metadata: ClientMetadata | undefined,
): Attributed | undefined {
  if (principal !== undefined) return { value: principal.developer, source: 'key' }
  const declared = headerValue(headers, headerName)
  const label = declared === undefined ? undefined : toDeclaredLabel(declared)
  if (label !== undefined) return { value: label, source: 'header' }
  if (metadata?.account !== undefined) return { value: `account-${metadata.account.replaceAll('-', '').slice(0, hintDigits)}`, source: metadata.source }
  return metadata?.device === undefined ? undefined : { value: `device-${metadata.device.slice(0, hintDigits)}`, source: metadata.source }
}
