import { ConfigurationError } from '../errors.ts'

/** An address as 8 groups of 16 bits; IPv4 stands in the last two, marked by its family. */
interface Address {
  readonly family: 4 | 6
  readonly groups: readonly number[]
}

/** A network: the address with all bits behind the prefix cleared. */
export interface Network extends Address {
  /** Of 128, for IPv4 too: 96 more than is written. */
  readonly prefixBits: number
}

/**
 * Parses a network as CIDR, or a single address. An IPv4-mapped IPv6 network (`::ffff:10.0.0.0/104`) is the IPv4 network that it stands for.
 *
 * @throws ConfigurationError for what is none, and for bits behind the prefix, which are mostly a slip
 */
export function parseNetwork(text: string): Network {
  const [, addressText = '', prefixText] = /^([^/]*)(?:\/(0|[1-9][0-9]{0,2}))?$/.exec(text) ?? []
  const isWrittenAsSix = addressText.includes(':')
  const address = parseAddress(addressText)
  const written = prefixText === undefined ? undefined : Number(prefixText)
  if (address === undefined || addressText.includes('%') || (written !== undefined && written > (isWrittenAsSix ? 128 : 32))) {
    throw new ConfigurationError('networks', `"${text.slice(0, 60).replace(/[^ -~]/g, '?')}" is no network. Write 10.0.0.0/8 or 2001:db8::/32.`)
  }
  const prefixBits = written === undefined ? 128 : isWrittenAsSix ? written : written + 96
  // ::/0 and the like are networks of IPv6, though ::ffff:0:0/96 lies within.
  const family = address.family === 4 && prefixBits >= 96 ? 4 : 6
  const whole = family === 6 && address.family === 4 ? mapped(address.groups) : address.groups
  const groups = whole.map((group, index) => group & maskOf(prefixBits, index))
  const network: Network = { family, groups, prefixBits }
  if (groups.some((group, index) => group !== whole[index]))
    throw new ConfigurationError('networks', `"${text}" has bits behind its prefix. Write ${show(network)}, or a single address without a prefix.`)
  return network
}

/** The address of a peer; undefined for what is none. An IPv4-mapped IPv6 address is the IPv4 one, and a zone (`%eth0`) is left out. */
export function parseAddress(text: string): Address | undefined {
  if (!text.includes(':')) {
    const groups = parseFour(text)
    return groups && { family: 4, groups: [0, 0, 0, 0, 0, 0, ...groups] }
  }
  const groups = parseSix(text.replace(/%[^%]*$/, ''))
  if (groups === undefined) return undefined
  const isMapped = groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0)
  return isMapped ? { family: 4, groups: [0, 0, 0, 0, 0, 0, ...groups.slice(6)] } : { family: 6, groups }
}

/** True where an address lies in one of the networks; false for what is no address. */
export function isInNetworks(address: string | undefined, networks: readonly Network[]): boolean {
  const parsed = address === undefined ? undefined : parseAddress(address)
  return parsed !== undefined && networks.some((network) => isInNetwork(parsed, network))
}

function isInNetwork({ family, groups }: Address, network: Network): boolean {
  return family === network.family && groups.every((group, index) => (group & maskOf(network.prefixBits, index)) === network.groups[index])
}

function mapped(groups: readonly number[]): readonly number[] {
  return [0, 0, 0, 0, 0, 0xffff, ...groups.slice(6)]
}

/** The mask of one group of 16 bits. */
function maskOf(prefixBits: number, group: number): number {
  const bits = Math.min(16, Math.max(0, prefixBits - group * 16))
  return (0xffff << (16 - bits)) & 0xffff
}

/** Four numbers without leading zeros, which some readers take for octal. */
function parseFour(text: string): readonly [number, number] | undefined {
  if (!/^(?:(?:0|[1-9][0-9]{0,2})(?:\.(?!$)|$)){4}$/.test(text)) return undefined
  const [a = 256, b = 256, c = 256, d = 256] = text.split('.').map(Number)
  return Math.max(a, b, c, d) > 255 ? undefined : [a * 256 + b, c * 256 + d]
}

function parseSix(text: string): readonly number[] | undefined {
  if (text.length > 45) return undefined
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const [before, after] = halves.map((half, index) => parseGroups(half, index === halves.length - 1))
  if (before === undefined || (halves.length === 2 && after === undefined)) return undefined
  if (after === undefined) return before.length === 8 ? before : undefined
  const missing = 8 - before.length - after.length
  return missing < 1 ? undefined : [...before, ...Array.from({ length: missing }, () => 0), ...after]
}

/** Groups between colons; the last may be an IPv4 address, which is two. */
function parseGroups(text: string, isLast: boolean): readonly number[] | undefined {
  if (text === '') return []
  const groups: number[] = []
  const parts = text.split(':')
  for (const [index, part] of parts.entries()) {
    if (/^[0-9A-Fa-f]{1,4}$/.test(part)) groups.push(Number.parseInt(part, 16))
    else {
      const four = isLast && index === parts.length - 1 ? parseFour(part) : undefined
      if (four === undefined) return undefined
      groups.push(...four)
    }
  }
  return groups
}

function show({ family, groups, prefixBits }: Network): string {
  if (family === 6) return `${groups.map((group) => group.toString(16)).join(':')}/${prefixBits}`
  const [high = 0, low = 0] = groups.slice(6)
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}/${prefixBits - 96}`
}
