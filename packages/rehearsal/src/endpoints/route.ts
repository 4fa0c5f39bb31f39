import type { LiveCall } from '../server/call.ts'
import { errorReply } from '../wire/error-reply.ts'
import { dateHeader, identityHeaders, toHeaderList } from '../wire/headers.ts'
import type { ScriptedReply } from '../wire/reply.ts'
import type { BatchShelf } from './batches.ts'
import { answerCountTokens } from './count-tokens.ts'
import type { FileShelf } from './files.ts'
import { answerMessages, type MessagesMemory } from './messages.ts'
import { answerModels } from './models.ts'

/** Everything that endpoints remember between calls. */
export interface EndpointMemory extends MessagesMemory {
  readonly batches: BatchShelf
  readonly files: FileShelf
  readonly requireKey: string | undefined
  readonly origin: () => string
}

/** Sends a call to its endpoint, and dates the answer as the API does; unknown paths get the API's 404 envelope. */
export async function route(call: LiveCall, memory: EndpointMemory): Promise<ScriptedReply> {
  const reply = await answer(call, memory)
  const headers = toHeaderList(reply.headers)
  return headers.some(([name]) => name === 'date') ? reply : { ...reply, headers: [dateHeader(memory.now()), ...headers] }
}

async function answer(call: LiveCall, memory: EndpointMemory): Promise<ScriptedReply> {
  const { path, method } = call
  if (path === '/' || path === '/api/hello')
    return {
      status: 200,
      headers: { 'content-type': 'application/json' },
      steps: [{ bytes: method === 'HEAD' ? '' : '{"message":"hello"}' }],
    }
  const denied = credentialRefusal(call, memory.requireKey)
  if (denied !== undefined) return denied
  if (path === '/v1/messages') return method === 'POST' ? await answerMessages(call, memory) : errorReply(405, 'invalid_request_error', 'Method Not Allowed')
  return identified(await elsewhere(call, memory), memory)
}

async function elsewhere(call: LiveCall, memory: EndpointMemory): Promise<ScriptedReply> {
  const { path, method } = call
  const under = (prefix: string): boolean => path === prefix || path.startsWith(`${prefix}/`)
  if (path === '/v1/messages/count_tokens' && method === 'POST') return answerCountTokens(call)
  if (under('/v1/messages/batches')) return memory.batches.answer(call, memory.origin())
  if (under('/v1/models') && method === 'GET') return answerModels(call)
  if (under('/v1/files')) return memory.files.answer(call)
  return errorReply(404, 'not_found_error', 'Not Found', undefined, memory.random)
}

/** Either credential is accepted, as by the API; 401 with the API's wording otherwise. */
function credentialRefusal(call: LiveCall, required: string | undefined): ScriptedReply | undefined {
  if (required === undefined) return undefined
  const key = call.header('x-api-key')
  const bearer = /^Bearer (.+)$/i.exec(call.header('authorization') ?? '')?.[1]
  if (key === required || bearer === required) return undefined
  return errorReply(
    401,
    'authentication_error',
    key === undefined && bearer === undefined ? 'x-api-key header is required' : key === undefined ? 'Invalid bearer token' : 'invalid x-api-key',
  )
}

function identified(reply: ScriptedReply, memory: EndpointMemory): ScriptedReply {
  const headers = toHeaderList(reply.headers)
  if (headers.some(([name]) => name === 'request-id')) return reply
  return { ...reply, headers: [...headers, ...identityHeaders(memory.random, memory.organization)] }
}
