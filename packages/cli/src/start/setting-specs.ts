import type { DigestAlgorithm, StaticKey, UpstreamCredential } from '@sluice/core'
import { z } from 'zod'
import { asNumber, asSwitch, asText, type SettingSpec } from './setting.ts'
import { routingSpecs } from './routing-setting.ts'
import { defaultStorePath, isStoreText } from './store-setting.ts'
import { upstreamKeySpec, upstreamSpec } from './upstream-setting.ts'

export { upstreamKeySpec, upstreamSpec } from './upstream-setting.ts'

const always = (): boolean => true

export const hostSpec: SettingSpec<string> = {
  key: 'host',
  flag: 'host',
  placeholder: 'H',
  env: 'SLUICE_HOST',
  about: 'address to listen on (127.0.0.1); beyond loopback, keys or an admin token to issue them are needed',
  read: (text) => text.trim().replace(/^\[(.*)\]$/, '$1'),
  schema: z.string().regex(/^[\w.:%-]{1,255}$/),
  fix: 'Give an address or a host name, such as 127.0.0.1 or 0.0.0.0; the port goes into --port.',
}

export const portSpec: SettingSpec<number> = {
  key: 'port',
  flag: 'port',
  placeholder: 'N',
  env: 'SLUICE_PORT',
  about: 'port to listen on (8787, or a free one if that is taken); 0 takes any',
  read: asNumber,
  schema: z.int().min(0).max(65_535),
  fix: 'Give a whole number from 0 to 65535; 0 takes any free port.',
}

export const credentialSpec: SettingSpec<UpstreamCredential['mode']> = {
  key: 'credential',
  flag: 'credential',
  placeholder: 'swap|passthrough|split',
  env: 'SLUICE_CREDENTIAL',
  about: "whose credential goes upstream: the gateway's, the client's, or the client's with a gateway key beside it",
  read: asText,
  schema: z.enum(['swap', 'passthrough', 'split']),
  fix: 'Give swap, passthrough or split.',
}

export const keysSpec: SettingSpec<StaticKey[]> = {
  key: 'keys',
  flag: 'key',
  placeholder: 'DEVELOPER=SECRET',
  env: 'SLUICE_KEYS',
  about: 'let in this key, and book it to this developer; repeatable (SLUICE_KEYS: dev=secret,dev2=secret2)',
  read: (text) => toKeys(text.split(',')),
  readList: toKeys,
  schema: z
    .array(z.strictObject({ developer: z.string().regex(/^[^\s=,\p{Cc}]{1,100}$/u), secret: z.string().regex(/^[\x21-\x7e]{16,512}$/) }))
    .refine((keys) => new Set(keys.map(({ secret }) => secret)).size === keys.length),
  fix: 'Give DEVELOPER=SECRET: a name without spaces, and a secret of its own with at least 16 printable characters, such as from: openssl rand -hex 24',
  isSecret: always,
}

export const storeSpec: SettingSpec<string> = {
  key: 'store',
  flag: 'store',
  placeholder: 'STORE',
  env: 'SLUICE_STORE',
  about: `where everything is kept: sqlite:PATH, postgres://…, or memory (sqlite:${defaultStorePath}; memory with --rehearse)`,
  read: asText,
  schema: z.string().refine(isStoreText),
  fix: 'Give memory (gone when the gateway stops), sqlite:PATH of a file, or postgres://user:password@host/name.',
  isSecret: (seen) => seen.includes('@'),
}

export const pepperSpec: SettingSpec<string> = {
  key: 'keyPepper',
  env: 'SLUICE_KEY_PEPPER',
  about: 'what the hashes of issued keys are keyed with, on every replica the same; one that changes ends every key',
  read: asText,
  schema: z.string().regex(/^[\x21-\x7e]{32,512}$/),
  fix: 'Give at least 32 printable characters without spaces, such as from: openssl rand -hex 32',
  isSecret: always,
}

export const rehearseSpec: SettingSpec<boolean> = {
  key: 'rehearse',
  flag: 'rehearse',
  env: 'SLUICE_REHEARSE',
  about: 'run a scripted upstream in this process and use it: no key, no spend',
  ...asSwitch,
}

export const noAuthSpec: SettingSpec<boolean> = {
  key: 'noAuth',
  flag: 'no-auth',
  env: 'SLUICE_NO_AUTH',
  about: 'let anybody on this machine in; refused beyond loopback',
  ...asSwitch,
}

export const jsonLogSpec: SettingSpec<boolean> = {
  key: 'jsonLog',
  flag: 'json-log',
  env: 'SLUICE_JSON_LOG',
  about: 'log one JSON object a line',
  ...asSwitch,
}

export const digestSpec: SettingSpec<DigestAlgorithm> = {
  key: 'digest',
  flag: 'digest',
  placeholder: 'crc32|sha256|none',
  env: 'SLUICE_DIGEST',
  about: 'how both sides of an exchange are proven equal (crc32)',
  read: asText,
  schema: z.enum(['crc32', 'sha256', 'none']),
  fix: 'Give crc32 (fast), sha256 (for audit) or none (no proof).',
}

export const heartbeatSpec: SettingSpec<number> = {
  key: 'heartbeatSeconds',
  flag: 'heartbeat',
  placeholder: 'SECONDS',
  env: 'SLUICE_HEARTBEAT_SECONDS',
  about: 'send a ping after so long a silence of an upstream that sends none (never)',
  read: asNumber,
  schema: z.number().min(1).max(3600),
  fix: 'Give seconds from 1 to 3600; 15 suits most proxies.',
}

export const maxBodyBytesSpec: SettingSpec<number> = {
  key: 'maxBodyBytes',
  flag: 'max-body-bytes',
  placeholder: 'N',
  env: 'SLUICE_MAX_BODY_BYTES',
  about: 'largest request body (67108864)',
  read: asNumber,
  schema: z.int().min(1),
  fix: 'Give a whole number of bytes, such as 67108864.',
}

export const adminTokenSpec: SettingSpec<string> = {
  key: 'adminToken',
  flag: 'admin-token',
  placeholder: 'T',
  env: 'SLUICE_ADMIN_TOKEN',
  about: 'token that reports and every change ask for, from anywhere; without one reports answer this machine only, and nothing is changed',
  read: asText,
  schema: z.string().regex(/^[\x21-\x7e]{16,512}$/),
  fix: 'Give at least 16 printable characters without spaces, such as from: openssl rand -hex 24',
  isSecret: always,
}

export const timeZoneSpec: SettingSpec<string> = {
  key: 'timeZone',
  flag: 'time-zone',
  placeholder: 'ZONE',
  env: 'SLUICE_TIME_ZONE',
  about: "time zone of the log and of reports by hour and day (this machine's)",
  read: asText,
  schema: z.string().refine(isTimeZone),
  fix: 'Give an IANA name, such as Europe/Berlin or UTC.',
}

export const graceSpec: SettingSpec<number> = {
  key: 'graceSeconds',
  env: 'SLUICE_GRACE_SECONDS',
  about: 'how long exchanges under way may take to finish when stopping',
  read: asNumber,
  schema: z.number().min(0).max(86_400),
  fix: 'Give seconds from 0 to 86400.',
}

/** Every setting that has a flag, in the order of the help. */
export const flaggedSpecs: readonly SettingSpec<unknown>[] = [
  portSpec,
  hostSpec,
  upstreamSpec,
  upstreamKeySpec,
  ...routingSpecs,
  storeSpec,
  rehearseSpec,
  noAuthSpec,
  jsonLogSpec,
  keysSpec,
  credentialSpec,
  digestSpec,
  heartbeatSpec,
  maxBodyBytesSpec,
  adminTokenSpec,
  timeZoneSpec,
]

function toKeys(texts: readonly string[]): unknown {
  return texts.map((text) => {
    const at = text.indexOf('=')
    return at === -1 ? text : { developer: text.slice(0, at).trim(), secret: text.slice(at + 1).trim() }
  })
}

/** True for an IANA time zone that this runtime knows. */
export function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}
