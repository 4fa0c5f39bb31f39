import type { LiveCall } from '../server/call.ts'
import { errorReply } from '../wire/error-reply.ts'
import type { ScriptedReply } from '../wire/reply.ts'
import { json, page } from './json.ts'

const MODELS: readonly (readonly [id: string, name: string, created: string])[] = [
  ['claude-fable-5-2', 'Claude Fable 5.2', '2026-11-05'],
  ['claude-opus-5-5', 'Claude Opus 5.5', '2026-10-20'],
  ['claude-sonnet-5-5', 'Claude Sonnet 5.5', '2026-10-20'],
  ['claude-haiku-5-5', 'Claude Haiku 5.5', '2026-10-20'],
  ['claude-opus-5', 'Claude Opus 5', '2026-07-14'],
  ['claude-sonnet-5', 'Claude Sonnet 5', '2026-06-30'],
  ['claude-opus-4-7', 'Claude Opus 4.7', '2026-04-16'],
  ['claude-sonnet-4-6', 'Claude Sonnet 4.6', '2026-02-17'],
  ['claude-sonnet-4-5-20250929', 'Claude Sonnet 4.5', '2025-09-29'],
  ['claude-haiku-4-5-20251001', 'Claude Haiku 4.5', '2025-10-01'],
]

const ENTRIES = MODELS.map(([id, name, created]) => ({
  type: 'model',
  id,
  display_name: name,
  created_at: `${created}T00:00:00Z`,
}))

/** Answers `GET /v1/models` and `GET /v1/models/{id}`, paged by `limit`, `after_id` and `before_id` (Models API). */
export function answerModels(call: LiveCall): ScriptedReply {
  const url = new URL(call.target, 'http://rehearsal')
  const id = decodeURIComponent(url.pathname.slice('/v1/models/'.length))
  if (id !== '') {
    const entry = ENTRIES.find((model) => model.id === id)
    return entry === undefined ? errorReply(404, 'not_found_error', `model: ${id}`) : json(entry)
  }
  return json(page(ENTRIES, url.searchParams, 20))
}
