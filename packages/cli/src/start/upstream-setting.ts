import { z } from 'zod'
import { UsageError } from '../errors.ts'
import type { Given, SettingSpec } from './setting.ts'

/** An upstream as a flag or a variable names it. */
export interface UpstreamAddress {
  /** Absent for the only one. */
  readonly name?: string | undefined
  readonly baseUrl: string
}

/** An upstream with a name, and the gateway's key for it, where it holds one. */
export interface NamedUpstream {
  readonly name: string
  readonly baseUrl: string
  readonly key: string | undefined
}

const upstreamName = /^[A-Za-z0-9][\w.-]{0,63}$/
const isKey = (text: string): boolean => /^[\x21-\x7e]{1,4096}$/.test(text)
const listed = (value: unknown, read: (text: string) => unknown): unknown => (typeof value === 'string' ? read(value) : value)

export const upstreamSpec: SettingSpec<UpstreamAddress[]> = {
  key: 'upstream',
  flag: 'upstream',
  placeholder: 'URL',
  env: 'SLUICE_UPSTREAM',
  about: 'API to pass requests to (https://api.anthropic.com); NAME=URL, repeatable, for several: the first that answers serves',
  read: (text) => toAddresses(text.split(/,\s*(?=[\w.-]+=https?:)/)),
  readList: toAddresses,
  schema: z.preprocess(
    (value) => listed(value, (text) => toAddresses([text])),
    z
      .array(z.strictObject({ name: z.string().regex(upstreamName).optional(), baseUrl: z.string().refine(isBaseUrl) }))
      .min(1)
      .refine((addresses) => addresses.length === 1 || addresses.every(({ name }) => name !== undefined))
      .refine((addresses) => new Set(addresses.map(({ name }) => name)).size === addresses.length),
  ),
  fix: 'Give scheme and host, such as https://api.anthropic.com: no /v1 at the end, no query, no user or password. Of several, give each as NAME=URL, with a name of its own.',
  isSecret: (seen) => seen.includes('@'),
}

export const upstreamKeySpec: SettingSpec<string[]> = {
  key: 'upstreamKey',
  flag: 'upstream-key',
  placeholder: 'KEY',
  env: 'SLUICE_UPSTREAM_KEY',
  about:
    "the upstream's API key, held by the gateway (better in SLUICE_UPSTREAM_KEY: other users can see flags); NAME=KEY, repeatable, for one of several upstreams",
  read: (text) => [text.trim()],
  readList: (texts) => texts.map((text) => text.trim()),
  schema: z.preprocess((value) => listed(value, (text) => [text.trim()]), z.array(z.string().refine(isKey)).min(1)),
  fix: 'Give the API key itself: printable ASCII without spaces; with several upstreams NAME=KEY for each.',
  isSecret: () => true,
}

/** Reads addresses. Of several without a name the last one counts, as of any flag that is repeated. */
function toAddresses(texts: readonly string[]): unknown {
  const addresses = texts.map((text): UpstreamAddress => {
    const [, name, baseUrl] = /^([\w.-]+)=(https?:.*)$/.exec(text.trim()) ?? []
    return name === undefined || baseUrl === undefined ? { baseUrl: text.trim() } : { name, baseUrl }
  })
  return addresses.some(({ name }) => name !== undefined) ? addresses : addresses.slice(-1)
}

/** True for scheme and host, with a path prefix at most. */
function isBaseUrl(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined
  return (
    url !== undefined &&
    /^https?:$/.test(url.protocol) &&
    url.username === '' &&
    url.password === '' &&
    url.search === '' &&
    url.hash === '' &&
    !/\/v1\/*$/.test(url.pathname)
  )
}

/**
 * Gives each upstream its key. A variable holds them as `first=KEY,second=KEY`.
 *
 * @throws UsageError for a key of no upstream, for two keys of one, and for several upstreams of which only some have a key
 */
export function withKeys(addresses: readonly UpstreamAddress[], keys: Given<readonly string[]> | undefined): readonly NamedUpstream[] {
  const names = addresses.map(({ name }) => name ?? '')
  const found = new Map<string, string>()
  for (const text of keys?.value.flatMap((value) => splitKeys(value, names)) ?? []) {
    const named = names.find((name) => text.startsWith(`${name}=`))
    const name = named ?? (names.length === 1 ? names[0] : undefined)
    const key = named === undefined ? text : text.slice(named.length + 1)
    const origin = keys?.origin ?? ''
    if (name === undefined)
      throw new UsageError(`${origin}: a key (not shown) says of no upstream that it is its own. Give NAME=KEY; there are ${names.join(', ')}.`)
    if (!isKey(key)) throw new UsageError(`${origin}: the key of "${name}" (not shown) is not usable. ${upstreamKeySpec.fix}`)
    if (found.has(name)) throw new UsageError(`${origin}: there are two keys of "${name}". Give one; for a second key add an upstream with another name.`)
    found.set(name, key)
  }
  const without = names.filter((name) => !found.has(name))
  if (found.size > 0 && without.length > 0)
    throw new UsageError(
      `${keys?.origin ?? ''}: ${without.join(' and ')} ${without.length === 1 ? 'has' : 'have'} no key, and the others do. Give NAME=KEY for each, or for none.`,
    )
  return addresses.map(({ baseUrl }, index) => ({ name: names[index] ?? '', baseUrl, key: found.get(names[index] ?? '') }))
}

/** A comma may stand in a key; only where a name follows it, another key begins. */
function splitKeys(text: string, names: readonly string[]): readonly string[] {
  const keys: string[] = []
  for (const part of text.split(',')) {
    const last = keys.at(-1)
    if (last === undefined || names.some((name) => part.trimStart().startsWith(`${name}=`))) keys.push(part.trimStart())
    else keys[keys.length - 1] = `${last},${part}`
  }
  return keys
}
