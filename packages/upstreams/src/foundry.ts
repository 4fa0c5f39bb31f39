import { ConfigurationError, dialectCredential, type Secret, type UpstreamOptions } from '@sluice/core'
import { fittingFor } from './capabilities/fit.ts'
import { defaultCapabilities } from './capabilities/default-capabilities.ts'
import { fitRequest } from './fit-request.ts'
import { checkName, pinnedUrl } from './hosts/pinned-host.ts'
import { checkModelIds, type ModelIds } from './model-ids.ts'
import { errorReply, type ErrorReading } from './reply/error-reply.ts'
import { withRequestId } from './reply/reply-headers.ts'
import { bearerFrom, keyHeader, type TokenSource } from './token-source.ts'
import { coreOptions, withoutCloudHeaders, type CommonOptions } from './upstream-parts.ts'

/** Claude in Microsoft Foundry. One of `resource` and `baseUrl` is needed, and one of `apiKey` and `token`. */
export interface FoundryOptions extends CommonOptions {
  /** The Foundry resource's name. */
  readonly resource?: string
  /** The whole address in its place, up to `/v1`: `https://example.services.ai.azure.com/anthropic`. */
  readonly baseUrl?: string
  readonly apiKey?: string | Secret
  /** A Microsoft Entra access token. */
  readonly token?: TokenSource
  /** Names of deployments, where they are not the models' own. @defaultValue {} */
  readonly models?: ModelIds
}

/** Azure's own errors say `{"error":{"code":…,"message":…}}`, or `{"statusCode":…,"message":…}`. */
const foundryErrors: ErrorReading = {
  upstream: 'Foundry',
  messageOf: (body) => {
    const { error, message } = (typeof body === 'object' && body !== null ? body : {}) as {
      readonly error?: { readonly message?: unknown } | null
      readonly message?: unknown
    }
    return [error?.message, message].find((text) => typeof text === 'string')
  },
  isAboutCredential: ({ status }) => status === 401,
}

/**
 * Claude in Microsoft Foundry: the Messages API itself. Requests go on byte for byte but for what the capability table and `models` say, replies come back
 * byte for byte, Azure's own errors in the Messages API's envelope.
 *
 * @throws ConfigurationError naming the option, what was seen, and the fix
 */
export function foundry(options: FoundryOptions): UpstreamOptions {
  const { name = 'foundry', capabilities = defaultCapabilities, resource, baseUrl, apiKey, token, models = {} } = options
  if ((resource === undefined) === (baseUrl === undefined)) throw new ConfigurationError('foundry', 'needs `resource` or `baseUrl`, one of the two.')
  if ((apiKey === undefined) === (token === undefined)) throw new ConfigurationError('foundry', 'needs `apiKey` or `token`, one of the two.')
  const address = baseUrl ?? `https://${checkName('foundry.resource', resource as string, 'my-resource')}.services.ai.azure.com/anthropic`
  const url = pinnedUrl('foundry.baseUrl', address, options)
  const authenticate = apiKey === undefined ? bearerFrom(name, 'foundry.token', token as TokenSource) : keyHeader('foundry.apiKey', apiKey)
  const fitting = fittingFor('foundry', capabilities)
  const idOf = checkModelIds('foundry.models', models)
  return {
    name,
    baseUrl: url.href,
    credential: dialectCredential(),
    ...coreOptions(options),
    dialect: {
      name: 'foundry',
      prepare: async (request, facts) => {
        const fitted = fitRequest('foundry', fitting(), { ...request, headers: withoutCloudHeaders(request.headers) }, facts, idOf)
        return { ...fitted, path: request.path, headers: [...fitted.headers, ...(await authenticate())] }
      },
      adapt: (reply) => errorReply({ ...reply, headers: withRequestId(reply.headers, 'apim-request-id') }, foundryErrors),
    },
  }
}
