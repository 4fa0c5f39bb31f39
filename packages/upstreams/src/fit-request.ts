import type { DialectFacts, DialectRequest, UpstreamRequest } from '@sluice/core'
import { betasOf, strippedHeaders, withBetas, type Fitting } from './capabilities/fit.ts'
import { BodyEdit } from './json/body-edit.ts'
import type { ModelId } from './model-ids.ts'
import { isModelRequest } from './upstream-parts.ts'

/** A request that stays one of the Messages API, fitted to an upstream. */
export type FittedRequest = Pick<DialectRequest, 'headers' | 'body' | 'patches' | 'replyHeaders'>

/** Takes out what the upstream does not take, and asks for the model by the upstream's name. Where there is nothing to do, the very request that came in. */
export function fitRequest(
  dialect: string,
  fitting: Fitting,
  { headers, body }: Pick<UpstreamRequest, 'headers' | 'body'>,
  { method, path, model }: DialectFacts,
  idOf: (model: string) => ModelId | undefined,
): FittedRequest {
  const verdict = fitting.judge(betasOf(headers))
  const fitted = { headers: withBetas(headers, verdict), replyHeaders: strippedHeaders(verdict) }
  if (!isModelRequest(method, path)) return { ...fitted, body, patches: [] }
  const edit = new BodyEdit(body, dialect)
  if (!edit.isObject) return { ...fitted, body, patches: [] }
  const id = model === undefined ? undefined : idOf(model)?.id
  if (id !== undefined && id !== model) edit.set('model', id)
  fitting.trim(edit, verdict)
  const { chunks, notes } = edit.apply(body)
  return { ...fitted, body: chunks, patches: notes }
}
