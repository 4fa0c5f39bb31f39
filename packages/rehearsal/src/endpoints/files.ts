import type { LiveCall } from '../server/call.ts'
import { errorReply } from '../wire/error-reply.ts'
import { mintId, type RandomSource } from '../wire/ids.ts'
import type { ScriptedReply } from '../wire/reply.ts'
import { json, page } from './json.ts'

interface StoredFile {
  readonly type: 'file'
  readonly id: string
  readonly size_bytes: number
  readonly created_at: string
  readonly filename: string
  readonly mime_type: string
  readonly downloadable: boolean
}

/** A minimal Files API: upload (size and name only), list, get, delete. */
export class FileShelf {
  readonly #files: StoredFile[] = []
  readonly #random: RandomSource
  readonly #now: () => number

  constructor(random: RandomSource, now: () => number) {
    this.#random = random
    this.#now = now
  }

  clear(): void {
    this.#files.length = 0
  }

  answer(call: LiveCall): ScriptedReply {
    const url = new URL(call.target, 'http://rehearsal')
    const id = url.pathname.slice('/v1/files/'.length)
    if (id === '' && call.method === 'POST') return this.#store(call)
    if (id === '') return json(page(this.#files, url.searchParams, 20))
    const index = this.#files.findIndex((file) => file.id === id)
    const file = this.#files[index]
    if (file === undefined) return errorReply(404, 'not_found_error', `file: ${id}`)
    if (call.method !== 'DELETE') return json(file)
    this.#files.splice(index, 1)
    return json({ id, type: 'file_deleted' })
  }

  #store(call: LiveCall): ScriptedReply {
    const head = Buffer.from(call.body.subarray(0, 2048)).toString('latin1')
    const start = head.indexOf('\r\n\r\n')
    const boundary = /boundary="?([^";]+)/.exec(call.header('content-type') ?? '')?.[1]
    if (boundary === undefined || start < 0) return errorReply(400, 'invalid_request_error', 'file: Field required')
    const file: StoredFile = {
      type: 'file',
      id: mintId('file', this.#random),
      size_bytes: Math.max(0, call.body.length - start - 4 - boundary.length - 8),
      created_at: new Date(this.#now()).toISOString(),
      filename: /filename="([^"]*)"/.exec(head)?.[1] ?? 'unnamed',
      mime_type: /content-type: *([^\r\n]+)/i.exec(head)?.[1] ?? 'application/octet-stream',
      downloadable: false,
    }
    this.#files.unshift(file)
    return json(file)
  }
}
