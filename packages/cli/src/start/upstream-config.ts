import { ConfigurationError, swapCredential, type Deadlines, type UpstreamOptions } from '@sluice/core'
import {
  bedrockInvoke,
  bedrockMantle,
  foundry,
  messagesCompatible,
  vertex,
  type BedrockInvokeOptions,
  type BedrockMantleOptions,
  type FoundryOptions,
  type MessagesCompatibleOptions,
  type VertexOptions,
} from '@sluice/upstreams'
import { z } from 'zod'
import { UsageError } from '../errors.ts'

/** Anthropic's own API with one key: one entry for each key or workspace. */
export interface AnthropicConfig {
  readonly kind: 'anthropic'
  /** Names it in records and policies. @defaultValue 'anthropic' */
  readonly name?: string
  /** The API key; read it from the environment rather than writing it down. */
  readonly key: string | undefined
  /** @defaultValue 'https://api.anthropic.com' */
  readonly baseUrl?: string
  /** Sends a ping after so long a silence. @defaultValue never */
  readonly heartbeatMillis?: number
  readonly deadlines?: Partial<Deadlines>
  /** What becomes of a redirect: see core's `UpstreamOptions.redirects`. @defaultValue 'refuse' */
  readonly redirects?: 'refuse' | 'relay'
}

/**
 * An upstream in a configuration file: by its kind, with the options of the factory of that name in `@sluice/upstreams`, so that the file needs no import;
 * or what such a factory returns, or core's own options.
 */
export type UpstreamConfig =
  | UpstreamOptions
  | AnthropicConfig
  | (BedrockMantleOptions & { readonly kind: 'bedrock-mantle' })
  | (BedrockInvokeOptions & { readonly kind: 'bedrock-invoke' })
  | (VertexOptions & { readonly kind: 'vertex' })
  | (FoundryOptions & { readonly kind: 'foundry' })
  | (MessagesCompatibleOptions & { readonly kind: 'messages-compatible' })

const kinds = ['anthropic', 'bedrock-mantle', 'bedrock-invoke', 'vertex', 'foundry', 'messages-compatible'] as const

const credential = z.custom(
  (value) => typeof value === 'object' && value !== null && 'headersFor' in value,
  'is not a credential; make one with swapCredential(key), passthroughCredential() or splitCredential() of @sluice/core',
)
const ofCore: z.ZodType = z.looseObject({ name: z.string().min(1), baseUrl: z.string(), credential })
const ofKind: z.ZodType = z.looseObject({ kind: z.enum(kinds, `is no kind of upstream; there are ${kinds.join(', ')}`), name: z.string().min(1).optional() })

/** An upstream's shape. What stands within is checked by its factory, or by core, which name the option. */
export const upstreamConfigSchema: z.ZodType = z.unknown().superRefine((value, context) => {
  const hasKind = typeof value === 'object' && value !== null && 'kind' in value
  for (const { message, path } of (hasKind ? ofKind : ofCore).safeParse(value).error?.issues ?? [])
    context.addIssue({ code: 'custom', message, path: [...path] })
})

/**
 * The upstreams of a configuration file.
 *
 * @throws UsageError naming the file, the upstream, the option, and the fix; no secret
 */
export function toUpstreams(name: string, upstreams: readonly UpstreamConfig[]): readonly UpstreamOptions[] {
  const made = upstreams.map((upstream, index) => {
    try {
      return toUpstream(upstream)
    } catch (cause) {
      if (!ConfigurationError.is(cause)) throw cause
      throw new UsageError(`${name}: upstreams.${index}: ${cause.message}`, { cause })
    }
  })
  for (const [index, upstream] of made.entries()) {
    const first = made.findIndex((other) => other.name === upstream.name)
    if (first !== index)
      throw new UsageError(`${name}: upstreams.${index}: "${upstream.name}" is the name of upstreams.${first} too. Give each a \`name\` of its own.`)
  }
  return made
}

function toUpstream(upstream: UpstreamConfig): UpstreamOptions {
  if (!('kind' in upstream)) return upstream
  switch (upstream.kind) {
    case 'anthropic':
      return anthropic(upstream)
    case 'bedrock-mantle':
      return bedrockMantle(upstream)
    case 'bedrock-invoke':
      return bedrockInvoke(upstream)
    case 'vertex':
      return vertex(upstream)
    case 'foundry':
      return foundry(upstream)
    default:
      return messagesCompatible(upstream)
  }
}

function anthropic(config: AnthropicConfig): UpstreamOptions {
  const { key, name = 'anthropic', baseUrl = 'https://api.anthropic.com', heartbeatMillis, deadlines, redirects } = config
  if (key === undefined || key === '') throw new ConfigurationError('key', 'is missing. Give the API key, such as process.env.ANTHROPIC_API_KEY.')
  return {
    name,
    baseUrl,
    credential: swapCredential(key),
    ...(heartbeatMillis !== undefined && { heartbeatMillis }),
    ...(deadlines !== undefined && { deadlines }),
    ...(redirects !== undefined && { redirects }),
  }
}
