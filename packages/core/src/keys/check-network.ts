import { GatewayError } from '../errors.ts'
import type { Principal } from '../ports/key-ring.ts'
import { isInNetworks } from './networks.ts'
import { parsedNetworks } from './restrictions.ts'

/**
 * Refuses a key that comes from elsewhere than it may.
 *
 * @throws GatewayError `credential-not-allowed`
 */
export function checkNetwork(remoteAddress: string | undefined, { restrictions }: Principal): void {
  const networks = restrictions?.networks
  if (networks === undefined || isInNetworks(remoteAddress, parsedNetworks(networks))) return
  const from = remoteAddress === undefined ? 'an unknown address' : remoteAddress.slice(0, 80).replace(/[^ -~]/g, '?')
  throw new GatewayError(
    'credential-not-allowed',
    `This key may not be used from ${from}. Use it from the networks that it was made for, or ask this gateway's operator.`,
  )
}
