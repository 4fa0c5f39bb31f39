import type { AdminRole } from '@sluice/admin'
import type { DigestAlgorithm, Middleware, PricingOptions, StaticKey, UpstreamCredential } from '@sluice/core'
import type { Policy } from '@sluice/core/policy'
import { existsSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { z } from 'zod'
import { messageOf, systemCodeOf, UsageError } from '../errors.ts'
import { didYouMean } from '../flags/nearest.ts'
import type { Balance } from './routing-setting.ts'
import { flaggedSpecs, graceSpec, pepperSpec } from './setting-specs.ts'
import { upstreamConfigSchema, type UpstreamConfig } from './upstream-config.ts'

/** An admin token in a configuration file. */
export interface AdminTokenConfig {
  /** The actor in the audit log. */
  readonly name: string
  /** The token itself, or its SHA-256 in hex as `tokenHash`. */
  readonly token?: string
  readonly tokenHash?: string
  readonly role: AdminRole
  /** Path of the scope that bounds it: it sees and changes only what lies within. */
  readonly scope?: string
}

/** What `sluice.config.ts` may say. A flag or an environment variable of the same name is stronger. */
export interface SluiceConfig {
  /** @defaultValue '127.0.0.1' */
  readonly host?: string
  /** @defaultValue 8787, or a free one where that is taken */
  readonly port?: number
  /** @defaultValue 'https://api.anthropic.com' */
  readonly upstream?: string
  /** The upstream's API key; read it from the environment rather than writing it down. */
  readonly upstreamKey?: string
  /** @defaultValue 'swap' with an upstream key; without one 'passthrough', or 'split' where there are keys */
  readonly credential?: UpstreamCredential['mode']
  /** In place of `upstream`, `upstreamKey`, `credential` and `heartbeatSeconds`: several upstreams, by their kind or with core's own options. The first serves, unless a policy or `balance` says otherwise. */
  readonly upstreams?: readonly UpstreamConfig[]
  /** Routing policy: the path of a JSON file, a rule, `recommended`, or the policy itself. @defaultValue what is published; else everything goes as it came */
  readonly policy?: string | Policy
  /** Rules in place of `policy`. */
  readonly rule?: string | readonly string[]
  /** How several upstreams share the work. @defaultValue 'in-order' */
  readonly balance?: Balance
  /** Tries for one request, over all upstreams. @defaultValue 3 */
  readonly attempts?: number
  /** How long all tries may take until a reply begins. @defaultValue 900 */
  readonly deadlineSeconds?: number
  /** How long a silent upstream is waited for before the next one is asked. @defaultValue the whole deadline */
  readonly failoverSeconds?: number
  /** How long the beginning of a stream is held back until it has content, so that another upstream can take over unseen. @defaultValue not at all */
  readonly firstContentSeconds?: number
  /** Asks another upstream for a stream that has no content when that time is over; it is billed twice then. @defaultValue false */
  readonly replaceSilent?: boolean
  /** Hosts that upstreams may be at; `*.example.com` stands for all below it. @defaultValue any */
  readonly egressHosts?: readonly string[]
  /** Where this gateway runs, for rules on it. */
  readonly region?: string
  /** Who is let in. */
  readonly keys?: readonly StaticKey[]
  readonly noAuth?: boolean
  readonly adminToken?: string
  /** Further admin tokens, each with a name for the audit log, and as far as its role and scope go. */
  readonly adminTokens?: readonly AdminTokenConfig[]
  /** `sqlite:PATH`, `postgres://…` or `memory`. @defaultValue 'sqlite:.sluice/sluice.db', with `rehearse` 'memory' */
  readonly store?: string
  /** What the hashes of issued keys are keyed with. @defaultValue made once, and kept in the store */
  readonly keyPepper?: string
  readonly rehearse?: boolean
  readonly jsonLog?: boolean
  /** @defaultValue 'crc32' */
  readonly digest?: DigestAlgorithm
  readonly heartbeatSeconds?: number
  /** @defaultValue 67108864 */
  readonly maxBodyBytes?: number
  /** @defaultValue this machine's */
  readonly timeZone?: string
  /** How long exchanges under way may take to finish when stopping. @defaultValue 30 */
  readonly graceSeconds?: number
  /** Prices: overrides, aliases, a contract multiplier. */
  readonly pricing?: PricingOptions
  /** Middleware of your own, inside authentication and attribution. */
  readonly middleware?: readonly Middleware[]
}

/** What a configuration file may export as its default. */
export type SluiceConfigExport = SluiceConfig | (() => SluiceConfig | Promise<SluiceConfig>)

/** Types a configuration file: `export default defineConfig({ … })`. */
export function defineConfig<Config extends SluiceConfigExport>(config: Config): Config {
  return config
}

/** A configuration that was read. The plain settings in it are checked with those of the other places; the rest has been checked here. */
export interface LoadedConfig {
  readonly name: string
  readonly config: SluiceConfig
}

const defaultNames: readonly string[] = ['sluice.config.ts', 'sluice.config.mts', 'sluice.config.js', 'sluice.config.mjs']

const isMiddleware = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && 'handle' in value && typeof value.handle === 'function' && 'name' in value && typeof value.name === 'string'

/** The shape of a configuration. Plain settings are `unknown` here: each has its own schema, wherever it is given. */
const configSchema = z.strictObject({
  ...Object.fromEntries([...flaggedSpecs, graceSpec, pepperSpec].map(({ key }) => [key, z.unknown().optional()])),
  upstreams: z.array(upstreamConfigSchema).min(1).optional(),
  egressHosts: z.array(z.string().min(1)).min(1).optional(),
  adminTokens: z
    .array(
      z
        .strictObject({
          name: z.string(),
          token: z
            .string()
            .regex(/^[\x21-\x7e]{16,512}$/, 'has at least 16 printable characters without spaces')
            .optional(),
          tokenHash: z.string().optional(),
          role: z.enum(['read', 'operate', 'admin']),
          scope: z.string().optional(),
        })
        .refine(({ token, tokenHash }) => (token === undefined) !== (tokenHash === undefined), 'has either a token or its tokenHash'),
    )
    .optional(),
  pricing: z
    .strictObject({
      prices: z.looseObject({ version: z.string(), models: z.array(z.unknown()) }).optional(),
      overrides: z.array(z.looseObject({ models: z.array(z.string()).min(1), rates: z.record(z.string(), z.number()) })).optional(),
      aliases: z.record(z.string(), z.string()).optional(),
      contractMultiplier: z.string('is written as text, such as "0.85", so that it stays exact').optional(),
      unknownModel: z.enum(['deny', 'assume-dearest', 'flag']).optional(),
    })
    .optional(),
  middleware: z.array(z.custom(isMiddleware, 'is not a middleware: an object with a name and a handle function')).optional(),
})

/**
 * Reads the configuration file: the one named, or `sluice.config.ts` in the directory if there is one.
 *
 * @throws UsageError naming the file, what is wrong in it, and the fix
 */
export async function loadConfig(directory: string, named: string | undefined): Promise<LoadedConfig | undefined> {
  const path = named === undefined ? defaultNames.map((name) => resolve(directory, name)).find((candidate) => existsSync(candidate)) : resolve(directory, named)
  if (path === undefined) return undefined
  if (!existsSync(path)) throw new UsageError(`--config: there is no file ${path}. Give the path of a file such as sluice.config.ts.`)
  const name = basename(path)
  let exported: unknown
  try {
    exported = ((await import(pathToFileURL(path).href)) as { readonly default?: unknown }).default
    if (typeof exported === 'function') exported = await (exported as () => unknown)()
  } catch (cause) {
    const hint =
      systemCodeOf(cause) === 'ERR_MODULE_NOT_FOUND' ? ' Install what it imports beside it; a plain object (export default { … }) needs no import.' : ''
    throw new UsageError(`${name}: could not be loaded: ${messageOf(cause)}${hint}`, { cause })
  }
  return { name, config: checkConfig(name, exported) }
}

/** Checks a configuration's shape. */
export function checkConfig(name: string, exported: unknown): SluiceConfig {
  if (typeof exported !== 'object' || exported === null)
    throw new UsageError(`${name}: has no default export that is a configuration. Write: export default defineConfig({ … })`)
  const result = configSchema.safeParse(exported)
  if (result.success) return exported
  const [issue] = result.error.issues
  if (issue?.code === 'unrecognized_keys') {
    const unknownKey = issue.keys[0] ?? ''
    const place = issue.path.length === 0 ? '' : ` in "${issue.path.join('.')}"`
    throw new UsageError(
      `${name}: "${unknownKey}"${place} is not a setting.${didYouMean(unknownKey, issue.path.length === 0 ? Object.keys(configSchema.shape) : [])}`,
    )
  }
  throw new UsageError(`${name}: ${issue?.path.join('.') ?? 'the configuration'}: ${issue?.message ?? 'is not usable'}`)
}
