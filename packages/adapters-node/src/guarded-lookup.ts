import dns from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'

/**
 * The resolver's answers, less the addresses that are not accepted. What is looked at is what is connected to: there is no second look-up in between that could
 * answer otherwise. A name with no accepted address fails as one that is not found.
 */
export function guardedLookup(accepts: (address: string, hostname: string) => boolean): LookupFunction {
  return (hostname, options, callback) => {
    dns.lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) return callback(error, '')
      const accepted = found.filter(({ address }) => accepts(address, hostname))
      const [first] = accepted
      if (first === undefined) return callback(Object.assign(new Error(`no address of ${hostname} is accepted`), { code: 'ENOTACCEPTED' }), '')
      if (options.all === true) callback(null, accepted)
      else callback(null, first.address, first.family)
    })
  }
}

/** The address that an origin names outright, which no resolver is asked for. */
export function addressIn(origin: string): string | undefined {
  const { hostname } = new URL(origin)
  const bare = hostname.replace(/^\[(.*)\]$/, '$1')
  return isIP(bare) === 0 ? undefined : bare
}
