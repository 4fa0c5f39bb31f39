import { isObject, objectsOf } from './json.ts'

const MAX_DEPTH = 12

/**
 * A small value that satisfies a JSON schema: enums and constants by their first value, strings as `text`, arrays as
 * short as allowed, every property filled in. Covers what structured-output requests use; it does not solve `pattern`.
 */
export function schemaInstance(schema: unknown, text = 'Rehearsal', root: unknown = schema, depth = 0): unknown {
  if (!isObject(schema) || depth > MAX_DEPTH) return text
  if ('const' in schema) return schema['const']
  if (Array.isArray(schema['enum'])) return schema['enum'][0]
  if ('default' in schema) return schema['default']
  const next = (inner: unknown): unknown => schemaInstance(inner, text, root, depth + 1)
  if (typeof schema['$ref'] === 'string') return next(resolve(root, schema['$ref']))
  for (const key of ['anyOf', 'oneOf', 'allOf']) {
    const [first] = objectsOf(schema[key])
    if (first !== undefined) return next({ ...schema, [key]: undefined, ...first })
  }
  const type = Array.isArray(schema['type']) ? schema['type'].find((name) => name !== 'null') : schema['type']
  switch (type ?? (isObject(schema['properties']) ? 'object' : 'string')) {
    case 'object': {
      const properties = isObject(schema['properties']) ? schema['properties'] : {}
      return Object.fromEntries(Object.entries(properties).map(([name, inner]) => [name, next(inner)]))
    }
    case 'array':
      return Array.from({ length: bounded(schema['minItems'], 1) }, () => next(schema['items'] ?? {}))
    case 'integer':
    case 'number':
      return number(schema)
    case 'boolean':
      return false
    case 'null':
      return null
    default:
      return fitted(formatted(schema['format'], text), schema)
  }
}

function number(schema: Readonly<Record<string, unknown>>): number {
  if (typeof schema['minimum'] === 'number') return schema['minimum']
  if (typeof schema['exclusiveMinimum'] === 'number') return schema['exclusiveMinimum'] + 1
  return typeof schema['maximum'] === 'number' ? Math.min(1, schema['maximum']) : 1
}

function formatted(format: unknown, text: string): string {
  switch (format) {
    case 'date':
      return '2026-11-24'
    case 'date-time':
      return '2026-11-24T12:00:00Z'
    case 'time':
      return '12:00:00Z'
    case 'email':
      return 'rehearsal@example.com'
    case 'uri':
      return 'https://example.com/rehearsal'
    case 'uuid':
      return '00000000-0000-4000-8000-000000000000'
    default:
      return text
  }
}

function fitted(text: string, schema: Readonly<Record<string, unknown>>): string {
  const padded = text.padEnd(bounded(schema['minLength'], 0), '.')
  return typeof schema['maxLength'] === 'number' ? padded.slice(0, schema['maxLength']) : padded
}

const bounded = (value: unknown, fallback: number): number => (typeof value === 'number' ? Math.min(value, 1000) : fallback)

function resolve(root: unknown, reference: string): unknown {
  let at = root
  for (const part of reference
    .replace(/^#\/?/, '')
    .split('/')
    .filter((name) => name !== '')) {
    at = isObject(at) ? at[part.replaceAll('~1', '/').replaceAll('~0', '~')] : undefined
  }
  return at
}
