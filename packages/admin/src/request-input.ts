import type { z } from 'zod'
import { badRequest, Refusal, shown } from './refusal.ts'

/** A body may have this many bytes. */
export const maxBodyBytes: number = 1024 * 1024

/**
 * Reads a JSON body, counting what really comes.
 *
 * @throws Refusal 413 for a body over {@link maxBodyBytes}, 415 for one that does not say it is JSON, 400 for one that is not
 */
export async function readJson(request: Request): Promise<unknown> {
  const type = request.headers.get('content-type') ?? ''
  if (!/^application\/json *(?:;|$)/i.test(type)) throw new Refusal(415, 'invalid_request_error', 'Send the body as JSON, with content-type: application/json.')
  if (!/^(?:identity)?$/i.test(request.headers.get('content-encoding') ?? ''))
    throw new Refusal(415, 'invalid_request_error', 'Send the body without content-encoding.')
  const chunks: Uint8Array[] = []
  let size = 0
  if (request.body !== null) {
    const reader = request.body.getReader()
    for (;;) {
      const { done, value } = await reader.read().catch(() => {
        throw badRequest('The body broke off. Send it again.')
      })
      if (done) break
      size += value.length
      if (size > maxBodyBytes) {
        await reader.cancel().catch(() => undefined)
        throw new Refusal(413, 'request_too_large', `The body is larger than ${maxBodyBytes} bytes. Nothing here needs as much.`)
      }
      chunks.push(value)
    }
  }
  const bytes = new Uint8Array(size)
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown
  } catch {
    throw badRequest('The body is not JSON. Send one object in UTF-8.')
  }
}

/**
 * Checks a body against its schema.
 *
 * @throws Refusal 400 naming the field, what was expected, and an unknown field by its name
 */
export function checkBody<Value>(schema: z.ZodType<Value>, body: unknown): Value {
  const result = schema.safeParse(body)
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw badRequest(issue === undefined ? 'The body is not usable.' : issueText(issue))
}

function issueText(issue: z.core.$ZodIssue): string {
  const place = issue.path.map(String).join('.')
  if (issue.code === 'unrecognized_keys')
    return `"${shown(issue.keys[0] ?? '', 40)}" is not a field ${place === '' ? 'of the body' : `of "${place}"`} here. Leave it out; GET /admin/v1/openapi.json lists the fields.`
  return `${place === '' ? 'The body' : place}: ${lowerFirst(issue.message)}${issue.message.endsWith('.') ? '' : '.'}`
}

function lowerFirst(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1)
}

/** The parameters that a query's schema knows: those of one value, and those of several. */
export interface ParameterNames {
  readonly single: readonly string[]
  readonly several: readonly string[]
}

/**
 * Checks a query against its schema.
 *
 * @throws Refusal 400 naming the parameter
 */
export function checkQuery<Value>(schema: z.ZodType<Value> | undefined, names: ParameterNames, parameters: URLSearchParams): Value {
  const found: Record<string, string | readonly string[]> = {}
  for (const name of new Set(parameters.keys())) {
    const values = parameters.getAll(name)
    if (names.several.includes(name)) found[name] = values
    else if (!names.single.includes(name)) {
      const known = [...names.single, ...names.several]
      throw badRequest(`"${shown(name, 40)}" is not a parameter here.${known.length === 0 ? '' : ` There are ${known.join(', ')}.`}`)
    } else if (values.length > 1) throw badRequest(`${name}: is given ${values.length} times. Give it once.`)
    else found[name] = values[0] as string
  }
  if (schema === undefined) return undefined as Value
  const result = schema.safeParse(found)
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw badRequest(issue === undefined ? 'The query is not usable.' : issueText(issue))
}
