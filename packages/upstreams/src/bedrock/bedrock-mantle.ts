import { dialectCredential, type UpstreamOptions } from '@sluice/core'
import { fittingFor } from '../capabilities/fit.ts'
import { defaultCapabilities } from '../capabilities/default-capabilities.ts'
import { fitRequest } from '../fit-request.ts'
import { checkModelIds, type ModelIds } from '../model-ids.ts'
import { errorReply } from '../reply/error-reply.ts'
import { withRequestId } from '../reply/reply-headers.ts'
import { coreOptions, withoutCloudHeaders } from '../upstream-parts.ts'
import { bedrockErrors } from './bedrock-errors.ts'
import { bedrockEndpoint, type BedrockOptions } from './bedrock-options.ts'

/** Bedrock's native Anthropic endpoint. */
export interface BedrockMantleOptions extends BedrockOptions {
  /** Its names of models, where clients ask by others. @defaultValue none: a model's name passes as it is */
  readonly models?: ModelIds
}

/**
 * Bedrock's native Anthropic endpoint, `bedrock-mantle`: the Messages API itself, streams and token counts included. A request goes on byte for byte but for
 * its path prefix and credential, and what the capability table or `models` say; a reply comes back byte for byte, errors without account ids.
 *
 * ```ts
 * createGateway({ upstreams: [bedrockMantle({ region: 'us-east-1', credentials: fromNodeProviderChain() })], … })
 * ```
 *
 * @throws ConfigurationError naming the option, what was seen, and the fix
 */
export function bedrockMantle(options: BedrockMantleOptions): UpstreamOptions {
  const { name = 'bedrock-mantle', capabilities = defaultCapabilities, models = {} } = options
  const endpoint = bedrockEndpoint('bedrockMantle', name, options, 'bedrock-mantle', (region) => `https://bedrock-mantle.${region}.api.aws/anthropic`)
  const fitting = fittingFor('bedrock-mantle', capabilities)
  const idOf = checkModelIds('bedrockMantle.models', models)
  return {
    name,
    baseUrl: endpoint.url.href,
    credential: dialectCredential(),
    ...coreOptions(options),
    dialect: {
      name: 'bedrock-mantle',
      prepare: async (request, facts) => {
        const fitted = fitRequest('bedrock-mantle', fitting(), { ...request, headers: withoutCloudHeaders(request.headers) }, facts, idOf)
        const authentication = await endpoint.authenticate(facts, request.path, fitted.headers, fitted.body)
        return { ...fitted, path: request.path, headers: [...fitted.headers, ...authentication] }
      },
      adapt: (reply) => errorReply({ ...reply, headers: withRequestId(reply.headers, 'x-amzn-requestid') }, bedrockErrors),
    },
  }
}
