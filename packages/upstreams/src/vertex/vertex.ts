import { ConfigurationError, dialectCredential, type DialectFacts, type DialectRequest, type UpstreamOptions, type UpstreamRequest } from '@sluice/core'
import { betasOf, fittingFor, strippedHeaders, withBetas, type Fitting } from '../capabilities/fit.ts'
import { defaultCapabilities } from '../capabilities/default-capabilities.ts'
import { checkName, pinnedUrl } from '../hosts/pinned-host.ts'
import { BodyEdit } from '../json/body-edit.ts'
import { checkModelIds, missingModel, missingRoute, unknownModel, type ModelIds } from '../model-ids.ts'
import { errorReply, type ErrorReading } from '../reply/error-reply.ts'
import { withRequestId } from '../reply/reply-headers.ts'
import { bearerFrom, type TokenSource } from '../token-source.ts'
import { coreOptions, isModelRequest, withoutCloudHeaders, type CommonOptions } from '../upstream-parts.ts'
import { serviceAccountTokens, type ServiceAccount, type TokenExchange } from './service-account.ts'

/** Claude on Vertex AI. One of `serviceAccount` and `accessToken` is needed. */
export interface VertexOptions extends CommonOptions, TokenExchange {
  readonly project: string
  /** A region such as `us-east5`, a multi-region (`us`, `eu`), or `global`. */
  readonly region: string
  readonly serviceAccount?: ServiceAccount
  readonly accessToken?: TokenSource
  /** Vertex's ids of models. A date at a name's end needs none: `claude-sonnet-4-5-20250929` is `claude-sonnet-4-5@20250929` there. @defaultValue {} */
  readonly models?: ModelIds
  /** For a private endpoint. @defaultValue the location's public endpoint */
  readonly baseUrl?: string
}

const version = 'vertex-2023-10-16'
const silenceMillis = 15_000
const dialectName = 'vertex'

/** Google's own errors say `{"error":{"code":…,"message":…,"status":…}}`, in a list at times. */
const vertexErrors: ErrorReading = {
  upstream: 'Vertex',
  messageOf: (body) => {
    const first: unknown = Array.isArray(body) ? body[0] : body
    const { error } = (typeof first === 'object' && first !== null ? first : {}) as { readonly error?: { readonly message?: unknown } | null }
    return typeof error?.message === 'string' ? error.message : undefined
  },
  isAboutCredential: ({ status }) => status === 401,
}

/**
 * Claude on Vertex AI: `rawPredict`, its stream and its token counts. `anthropic_version` is spliced into the body and `model` out of it; replies come back
 * byte for byte, Google's own errors in the Messages API's envelope.
 *
 * ```ts
 * vertex({ project: 'my-project', region: 'global', serviceAccount: JSON.parse(await readFile('key.json', 'utf8')) })
 * ```
 *
 * @throws ConfigurationError naming the option, what was seen, and the fix
 */
export function vertex(options: VertexOptions): UpstreamOptions {
  const { name = 'vertex', capabilities = defaultCapabilities, serviceAccount, accessToken } = options
  const region = checkName('vertex.region', options.region, 'us-east5')
  if (!/^[a-z][a-z0-9.:-]{0,99}$/.test(options.project))
    throw new ConfigurationError('vertex.project', `"${options.project.slice(0, 80)}" is not a project id.`)
  const url = pinnedUrl('vertex.baseUrl', options.baseUrl ?? `https://${vertexHost(region)}`, options)
  if ((serviceAccount === undefined) === (accessToken === undefined))
    throw new ConfigurationError('vertex', 'needs `serviceAccount` or `accessToken`, one of the two.')
  const source = serviceAccount === undefined ? (accessToken as TokenSource) : serviceAccountTokens(serviceAccount, options, options.now ?? Date.now)
  const bearer = bearerFrom(name, 'vertex.accessToken', source)
  const fitting = fittingFor('vertex', capabilities)
  const known = checkModelIds('vertex.models', options.models ?? {})
  const idOf = (model: string): string | undefined => known(model)?.id ?? datedId(model)
  const publisher = `/v1/projects/${options.project}/locations/${region}/publishers/anthropic/models`
  return {
    name,
    baseUrl: url.href,
    credential: dialectCredential(),
    ...coreOptions(options, silenceMillis),
    dialect: {
      name: dialectName,
      prepare: async (request, facts) => {
        const made = prediction(name, publisher, fitting(), request, facts, idOf)
        return { ...made, headers: [...made.headers, ...(await bearer())] }
      },
      adapt: (reply) => errorReply({ ...reply, headers: withRequestId(reply.headers, 'x-vertex-ai-internal-request-id') }, vertexErrors),
    },
  }
}

/** Regions have a host each, multi-regions are served from representative ones, and `global` from the service's own. */
function vertexHost(region: string): string {
  if (region === 'global') return 'aiplatform.googleapis.com'
  return region.includes('-') ? `${region}-aiplatform.googleapis.com` : `aiplatform.${region}.rep.googleapis.com`
}

/** Vertex writes a model's date after `@`. A name that no id could have is undefined: it would become part of a path. */
function datedId(model: string): string | undefined {
  const id = model.replace(/-(\d{8})$/, '@$1')
  return /^[\w.-]+(?:@[\w.-]+)?$/.test(id) && !/^\.+$/.test(id) ? id : undefined
}

function prediction(
  name: string,
  publisher: string,
  fitting: Fitting,
  { headers, body }: Pick<UpstreamRequest, 'headers' | 'body'>,
  { method, path, model, isStream }: DialectFacts,
  idOf: (model: string) => string | undefined,
): DialectRequest {
  if (!isModelRequest(method, path)) throw missingRoute(name, path)
  const edit = new BodyEdit(body, dialectName)
  if (!edit.isObject || model === undefined) throw missingModel()
  const id = idOf(model)
  if (id === undefined) throw unknownModel(name, model)
  const isCount = path !== '/v1/messages'
  const verdict = fitting.judge(betasOf(headers))
  edit.set('anthropic_version', version)
  if (!isCount) edit.remove('model')
  else if (id !== model) edit.set('model', id)
  fitting.trim(edit, verdict)
  const { chunks, notes } = edit.apply(body)
  const resource = isCount ? 'count-tokens:rawPredict' : `${id}:${isStream ? 'streamRawPredict' : 'rawPredict'}`
  return {
    path: `${publisher}/${resource}`,
    headers: withBetas(withoutCloudHeaders(headers, ['anthropic-version']), verdict),
    body: chunks,
    patches: notes,
    replyHeaders: strippedHeaders(verdict),
  }
}
