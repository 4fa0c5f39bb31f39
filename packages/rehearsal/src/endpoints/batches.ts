import { isObject, objectsOf } from '../prompt/json.ts'
import { readRequest } from '../prompt/request.ts'
import type { LiveCall } from '../server/call.ts'
import { errorReply } from '../wire/error-reply.ts'
import { mintId, type RandomSource } from '../wire/ids.ts'
import { messageJson } from '../wire/message.ts'
import type { ScriptedReply } from '../wire/reply.ts'
import { tokensOfText } from '../prompt/canonical.ts'
import { json, page } from './json.ts'

interface Batch {
  readonly id: string
  readonly createdAt: number
  readonly requests: readonly Readonly<Record<string, unknown>>[]
  /** Set by the first look at the batch: it is in progress when made and ended when looked at. */
  endedAt: number | undefined
}

/** A small in-memory Message Batches API: create, list, get, cancel, results. */
export class BatchShelf {
  readonly #batches: Batch[] = []
  readonly #random: RandomSource
  readonly #now: () => number

  constructor(random: RandomSource, now: () => number) {
    this.#random = random
    this.#now = now
  }

  clear(): void {
    this.#batches.length = 0
  }

  answer(call: LiveCall, origin: string): ScriptedReply {
    const url = new URL(call.target, origin)
    const [id = '', verb = ''] = url.pathname
      .slice('/v1/messages/batches'.length)
      .split('/')
      .filter((part) => part !== '')
    if (id === '') return call.method === 'POST' ? this.#create(call, origin) : this.#list(url, origin)
    const batch = this.#batches.find((candidate) => candidate.id === id)
    if (batch === undefined) return errorReply(404, 'not_found_error', `batch: ${id}`)
    batch.endedAt ??= this.#now()
    return verb === 'results' ? this.#results(batch) : json(this.#view(batch, origin))
  }

  #create(call: LiveCall, origin: string): ScriptedReply {
    const requests = isObject(call.json) ? objectsOf(call.json['requests']) : []
    if (requests.length === 0) return errorReply(400, 'invalid_request_error', 'requests: at least one request is required')
    const batch: Batch = { id: mintId('msgbatch', this.#random), createdAt: this.#now(), requests, endedAt: undefined }
    this.#batches.unshift(batch)
    return json(this.#view(batch, origin))
  }

  #list(url: URL, origin: string): ScriptedReply {
    return json(
      page(
        this.#batches.map((batch) => this.#view(batch, origin)),
        url.searchParams,
        20,
      ),
    )
  }

  #view(batch: Batch, origin: string): { readonly id: string; readonly [field: string]: unknown } {
    const ended = batch.endedAt !== undefined
    const count = batch.requests.length
    return {
      id: batch.id,
      type: 'message_batch',
      processing_status: ended ? 'ended' : 'in_progress',
      request_counts: {
        processing: ended ? 0 : count,
        succeeded: ended ? count : 0,
        errored: 0,
        canceled: 0,
        expired: 0,
      },
      ended_at: batch.endedAt === undefined ? null : new Date(batch.endedAt).toISOString(),
      created_at: new Date(batch.createdAt).toISOString(),
      expires_at: new Date(batch.createdAt + 86_400_000).toISOString(),
      archived_at: null,
      cancel_initiated_at: null,
      results_url: ended ? `${origin}/v1/messages/batches/${batch.id}/results` : null,
    }
  }

  #results(batch: Batch): ScriptedReply {
    const lines = batch.requests.map((entry) => {
      const request = readRequest(entry['params'])
      const text = `Rehearsed batch answer to ${String(entry['custom_id'])}.`
      const message = messageJson({
        model: request.model,
        blocks: [{ type: 'text', text }],
        usage: {
          input_tokens: tokensOfText(JSON.stringify(entry['params'] ?? {})),
          output_tokens: tokensOfText(text),
          service_tier: 'batch',
        },
        random: this.#random,
      })
      return `{"custom_id":${JSON.stringify(entry['custom_id'] ?? null)},"result":{"type":"succeeded","message":${new TextDecoder().decode(message)}}}\n`
    })
    return { status: 200, headers: { 'content-type': 'application/x-jsonl' }, steps: [{ bytes: lines.join('') }] }
  }
}
