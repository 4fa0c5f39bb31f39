import { ConfigurationError, dialectCredential, type HeaderList, type Secret, type UpstreamOptions } from '@sluice/core'
import { fittingFor } from './capabilities/fit.ts'
import { defaultCapabilities } from './capabilities/default-capabilities.ts'
import { fitRequest } from './fit-request.ts'
import { pinnedUrl } from './hosts/pinned-host.ts'
import { checkModelIds, type ModelIds } from './model-ids.ts'
import { bearerFrom, keyHeader, type TokenSource } from './token-source.ts'
import { coreOptions, type CommonOptions } from './upstream-parts.ts'

/** Any server that speaks the Messages API. */
export interface MessagesCompatibleOptions extends CommonOptions {
  /** Up to `/v1`: `https://models.example.com`. */
  readonly baseUrl: string
  /** Sent as `x-api-key`. */
  readonly apiKey?: string | Secret
  /** Sent as a bearer. */
  readonly token?: TokenSource
  /** Says in so many words that the server asks for no credential. The client's own never goes there. */
  readonly withoutCredential?: true
  /** Its names of models. @defaultValue {} */
  readonly models?: ModelIds
}

/**
 * A server that speaks the Messages API without being the first party: requests and replies pass byte for byte but for what the capability table and
 * `models` say. Claude Code's billing block, which such a server would take for a part of the prompt, is taken out.
 *
 * @throws ConfigurationError naming the option, what was seen, and the fix
 */
export function messagesCompatible(options: MessagesCompatibleOptions): UpstreamOptions {
  const { name = 'messages-compatible', capabilities = defaultCapabilities, apiKey, token, withoutCredential, models = {} } = options
  const url = pinnedUrl('messagesCompatible.baseUrl', options.baseUrl, options)
  if ([apiKey, token, withoutCredential].filter((given) => given !== undefined).length !== 1)
    throw new ConfigurationError('messagesCompatible', 'needs one of `apiKey`, `token` and `withoutCredential: true`.')
  const authenticate = authenticationOf(name, apiKey, token)
  const fitting = fittingFor('messages-compatible', capabilities)
  const idOf = checkModelIds('messagesCompatible.models', models)
  return {
    name,
    baseUrl: url.href,
    credential: dialectCredential(),
    ...coreOptions(options),
    dialect: {
      name: 'messages-compatible',
      prepare: async (request, facts) => {
        const fitted = fitRequest('messages-compatible', fitting(), request, facts, idOf)
        return { ...fitted, path: request.path, headers: [...fitted.headers, ...(await authenticate())] }
      },
    },
  }
}

function authenticationOf(name: string, apiKey: string | Secret | undefined, token: TokenSource | undefined): () => Promise<HeaderList> {
  if (apiKey !== undefined) return keyHeader('messagesCompatible.apiKey', apiKey)
  return token === undefined ? () => Promise.resolve([]) : bearerFrom(name, 'messagesCompatible.token', token)
}
