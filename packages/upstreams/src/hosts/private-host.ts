/** Hosts that no upstream should be at unless it is named: loopback, private and special ranges, and names that stand for them. */

/** First address and prefix length. What embeds an IPv4 address (mapped, NAT64, 6to4, Teredo) is closed as a whole: a resolver can hide any address in it. */
const privateVersion4: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
]

const privateVersion6: readonly (readonly [string, number])[] = [
  ['::', 96],
  ['::ffff:0:0', 96],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['2001::', 32],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
]

const privateName = /(?:^|\.)(?:localhost|local|localdomain|internal|intranet|lan|home|corp|private|home\.arpa)$/

/**
 * True of a host, name or address, that is not to be reached by accident. Takes hosts as URLs spell them (`[::1]`) and addresses as resolvers do (`::1`);
 * what is neither a name nor an address is private too. A public name may still lead to a private address: check the address when connecting as well.
 */
export function isPrivateHost(host: string): boolean {
  const name = host.toLowerCase().replace(/\.$/, '')
  const bare = /^\[(.*)\]$/.exec(name)?.[1] ?? name
  if (bare.includes(':')) return isPrivateVersion6(bare)
  const version4 = parseVersion4(bare)
  if (version4 !== undefined) return privateVersion4.some(([start, bits]) => isWithin(version4, parseVersion4(start) ?? [], bits))
  // A last label of digits is some other spelling of an address: octal, hexadecimal, fewer parts.
  if (!/^(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?$/.test(bare) || /(?:^|\.)(?:\d+|0x[0-9a-f]*)$/.test(bare)) return true
  return !bare.includes('.') || privateName.test(bare)
}

function isPrivateVersion6(text: string): boolean {
  const address = parseVersion6(text.replace(/%.*$/, ''))
  return address === undefined || privateVersion6.some(([start, bits]) => isWithin(address, parseVersion6(start) ?? [], bits))
}

function isWithin(address: readonly number[], start: readonly number[], bits: number): boolean {
  for (let bit = 0; bit < bits; bit += 8) {
    const mask = bits - bit >= 8 ? 0xff : 0xff & (0xff << (8 - (bits - bit)))
    if (((address[bit / 8] ?? 0) & mask) !== ((start[bit / 8] ?? 0) & mask)) return false
  }
  return true
}

function parseVersion4(text: string): readonly number[] | undefined {
  const parts = text.split('.')
  if (parts.length !== 4 || parts.some((part) => !/^(?:0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255)) return undefined
  return parts.map(Number)
}

/** The sixteen bytes of an IPv6 address; undefined for anything else. */
function parseVersion6(text: string): readonly number[] | undefined {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text)
  const tail = dotted === null ? [] : parseVersion4(dotted[2] as string)
  if (tail === undefined) return undefined
  const groups = (dotted === null ? text : (dotted[1] as string).replace(/(?<!:):$/, '')).split('::')
  if (groups.length > 2) return undefined
  const sides = groups.map((side) => (side === '' ? [] : side.split(':')))
  if (sides.flat().some((group) => !/^[0-9a-f]{1,4}$/.test(group))) return undefined
  const [head = [], rest] = sides.map((side) => side.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff]))
  const missing = 16 - head.length - (rest?.length ?? 0) - tail.length
  if (rest === undefined) return missing === 0 ? [...head, ...tail] : undefined
  return missing < 2 ? undefined : [...head, ...Array.from({ length: missing }, () => 0), ...rest, ...tail]
}
