import {
  dialectCredential,
  GatewayError,
  headerValue,
  type DialectFacts,
  type DialectRequest,
  type UpstreamOptions,
  type UpstreamReply,
  type UpstreamRequest,
} from '@sluice/core'
import { betasOf, fittingFor, strippedHeaders, type BetaVerdict, type Fitting } from '../capabilities/fit.ts'
import { defaultCapabilities } from '../capabilities/default-capabilities.ts'
import { BodyEdit } from '../json/body-edit.ts'
import { checkModelIds, missingModel, missingRoute, unknownModel, type ModelId, type ModelIds } from '../model-ids.ts'
import { errorReply } from '../reply/error-reply.ts'
import { withHeaders, withRequestId } from '../reply/reply-headers.ts'
import { coreOptions, isModelRequest, withoutCloudHeaders } from '../upstream-parts.ts'
import { bedrockErrors } from './bedrock-errors.ts'
import { bedrockEndpoint, type BedrockOptions } from './bedrock-options.ts'
import { messageStream } from './message-stream.ts'
import { addTokenLimit, asCountReply, asTokenCount, countableId } from './token-count.ts'

/** Bedrock's classic way. */
export interface BedrockInvokeOptions extends BedrockOptions {
  /**
   * Bedrock's id of each model that may be asked for: a model id, an inference profile, or an ARN. Whatever is not in it is refused, so that no client
   * chooses what account or region is used.
   */
  readonly models: ModelIds
}

const version = 'bedrock-2023-05-31'
const silenceMillis = 15_000
const dialectName = 'bedrock'
/** These say in the body here what they say in the head elsewhere. */
const bodyHeaders = ['anthropic-beta', 'anthropic-version']

/**
 * Bedrock's classic way: `InvokeModel` and its stream. What differs from the Messages API is spliced into the body, everything else stays the client's bytes:
 * `anthropic_version` and `anthropic_beta` in, `model` and `stream` out. The binary stream comes back as server-sent events, exceptions as `error` events,
 * token counts from Bedrock's own count.
 *
 * ```ts
 * bedrockInvoke({ region: 'eu-central-1', credentials, models: { 'claude-sonnet-4-5-20250929': 'eu.anthropic.claude-sonnet-4-5-20250929-v1:0' } })
 * ```
 *
 * @throws ConfigurationError naming the option, what was seen, and the fix
 */
export function bedrockInvoke(options: BedrockInvokeOptions): UpstreamOptions {
  const { name = 'bedrock-invoke', capabilities = defaultCapabilities } = options
  const endpoint = bedrockEndpoint('bedrockInvoke', name, options, 'bedrock', publicUrl)
  const fitting = fittingFor('bedrock-invoke', capabilities)
  const idOf = checkModelIds('bedrockInvoke.models', options.models)
  return {
    name,
    baseUrl: endpoint.url.href,
    credential: dialectCredential(),
    ...coreOptions(options, silenceMillis),
    dialect: {
      name: dialectName,
      prepare: async (request, facts) => {
        const made = invocation(name, fitting(), request, facts, idOf)
        const authentication = await endpoint.authenticate(facts, made.path, made.headers, made.body)
        return { ...made, headers: [...made.headers, ...authentication] }
      },
      adapt,
    },
  }
}

function publicUrl(region: string): string {
  return `https://bedrock-runtime.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`
}

function invocation(
  name: string,
  fitting: Fitting,
  { headers, body }: Pick<UpstreamRequest, 'headers' | 'body'>,
  { method, path, model, isStream }: DialectFacts,
  idOf: (model: string) => ModelId | undefined,
): DialectRequest {
  if (!isModelRequest(method, path)) throw missingRoute(name, path)
  const edit = new BodyEdit(body, dialectName)
  if (!edit.isObject || model === undefined) throw missingModel()
  const modelId = idOf(model)
  if (modelId === undefined) throw unknownModel(name, model)
  const isCount = path !== '/v1/messages'
  const id = isCount ? countableId(modelId) : modelId.id
  if (id === undefined) throw uncountable(name, model)
  const verdict = fitting.judge([...new Set([...betasOf(headers), ...betasInBody(edit)])])
  shape(edit, fitting, verdict, isCount)
  const invoked = edit.apply(body)
  const { chunks, notes } = isCount ? asTokenCount(invoked, edit.body.length) : invoked
  const action = isCount ? 'count-tokens' : isStream ? 'invoke-with-response-stream' : 'invoke'
  return {
    path: `/model/${encodeURIComponent(id)}/${action}`,
    headers: withoutCloudHeaders(headers, bodyHeaders),
    body: chunks,
    patches: notes,
    replyHeaders: strippedHeaders(verdict),
  }
}

function shape(edit: BodyEdit, fitting: Fitting, verdict: BetaVerdict, isCount: boolean): void {
  edit.set('anthropic_version', version)
  const { sent } = verdict
  if (sent.length === 0) edit.remove('anthropic_beta')
  else if (sent.join() !== betasInBody(edit).join()) edit.set('anthropic_beta', sent)
  if (isCount) addTokenLimit(edit)
  edit.remove('model').remove('stream')
  fitting.trim(edit, verdict)
}

/** Betas that a client has put into the body by itself. */
function betasInBody({ body }: BodyEdit): readonly string[] {
  const betas = body.value('anthropic_beta', 16 * 1024)
  return Array.isArray(betas) ? betas.filter((beta) => typeof beta === 'string') : []
}

function uncountable(name: string, model: string): GatewayError {
  return new GatewayError('unknown-route', `The upstream "${name}" cannot count tokens for "${model.slice(0, 80)}".`, { status: 501, shouldRetry: false })
}

function adapt(reply: UpstreamReply, { path }: DialectFacts): UpstreamReply {
  const named = { ...reply, headers: withRequestId(reply.headers, 'x-amzn-requestid') }
  if (reply.status >= 400) return errorReply(named, bedrockErrors)
  if (path !== '/v1/messages') return asCountReply(named)
  if (!/^application\/vnd\.amazon\.eventstream\b/i.test(headerValue(reply.headers, 'content-type') ?? '')) return named
  const headers = withHeaders(
    named.headers,
    ['content-type', 'content-length', 'x-amzn-bedrock-content-type'],
    [['content-type', 'text/event-stream; charset=utf-8']],
  )
  return { ...named, headers, body: messageStream(reply.body) }
}
