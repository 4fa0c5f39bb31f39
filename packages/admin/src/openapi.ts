import { z } from 'zod'
import type { Access } from './access.ts'
import type { ParameterNames } from './request-input.ts'
import type { Route } from './route.ts'

/** An OpenAPI 3.1 document, as JSON. */
export type OpenapiDocument = Readonly<Record<string, unknown>>

interface ObjectSchema {
  readonly properties?: Readonly<Record<string, { readonly type?: string; readonly description?: string }>>
  readonly required?: readonly string[]
}

/** A schema as JSON Schema of the draft that OpenAPI 3.1 speaks. */
export function toJsonSchema(schema: z.ZodType, io: 'input' | 'output'): Record<string, unknown> {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, target: 'draft-2020-12' }) as Record<string, unknown>
  return rest
}

/** The names of a query's parameters, read from the schema that checks them. */
export function parameterNames(schema: z.ZodType | undefined): ParameterNames {
  const properties = Object.entries(schema === undefined ? {} : ((toJsonSchema(schema, 'input') as ObjectSchema).properties ?? {}))
  return {
    single: properties.filter(([, { type }]) => type !== 'array').map(([name]) => name),
    several: properties.filter(([, { type }]) => type === 'array').map(([name]) => name),
  }
}

/** What every refusal looks like. */
export const errorSchema: z.ZodType<{ type: 'error'; error: { type: string; message: string }; request_id: string }> = z.strictObject({
  type: z.literal('error'),
  error: z.strictObject({ type: z.string(), message: z.string() }),
  request_id: z.string(),
})

/** Describes routes from the schemas that check them. */
export function openapiDocument(routes: ReadonlyMap<Route, Access>, prefix: string, version: string): OpenapiDocument {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const [route, access] of routes) (paths[prefix + route.path] ??= {})[route.method.toLowerCase()] = operation(route, access)
  return {
    openapi: '3.1.0',
    info: {
      title: 'Sluice admin API',
      version,
      description:
        'Scopes, keys, budgets, limits, the audit log and reports of a Sluice gateway. Ids are compared letter by letter; money is text, in nano-USD (1 USD is 1000000000).',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    security: [{ adminToken: [] }],
    paths,
    components: {
      securitySchemes: { adminToken: { type: 'http', scheme: 'bearer', description: 'An admin token of the gateway.' } },
      schemas: { Error: toJsonSchema(errorSchema, 'output') },
    },
  }
}

function operation(route: Route, { role, bounded }: Access): object {
  const query = route.query === undefined ? undefined : (toJsonSchema(route.query, 'input') as ObjectSchema)
  const parameters: object[] = Object.entries(query?.properties ?? {}).map(([name, schema]) => ({
    name,
    in: 'query',
    required: query?.required?.includes(name) ?? false,
    schema,
    ...(schema.type === 'array' && { style: 'form', explode: true }),
  }))
  if (route.path.includes('{id}')) parameters.unshift({ name: 'id', in: 'path', required: true, schema: { type: 'string', pattern: '^[A-Za-z0-9_-]{1,64}$' } })
  if (route.method !== 'GET')
    parameters.push({
      name: 'Idempotency-Key',
      in: 'header',
      required: false,
      schema: { type: 'string', maxLength: 200 },
      description: 'The same key with the same body gets the same answer, for a day.',
    })
  return {
    operationId: route.name,
    tags: [route.name.split('.')[0]],
    summary: route.about,
    description: `Needs the role ${role}${bounded === 'never' ? ', and a token that no scope bounds' : ''}.`,
    parameters,
    ...(route.body !== undefined && { requestBody: { required: true, content: { 'application/json': { schema: toJsonSchema(route.body, 'input') } } } }),
    responses: {
      [String(route.status ?? 200)]: { description: 'Done.', content: { 'application/json': { schema: toJsonSchema(route.answer, 'output') } } },
      default: { description: 'Refused; the message says what to do.', content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } } },
    },
  }
}
