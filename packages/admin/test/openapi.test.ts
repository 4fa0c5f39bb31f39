import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { samples } from './samples.ts'
import { newWorld, operationsOf } from './world.ts'

const world = await newWorld()
const operations = operationsOf(world.api)

describe('the OpenAPI document', () => {
  test('is 3.1, has every route with what it takes and what it answers, and is what the API serves', async () => {
    const document = world.api.openapi as {
      openapi: string
      paths: Record<
        string,
        Record<string, { operationId: string; summary: string; parameters: { name: string; in: string }[]; requestBody?: object; responses: object }>
      >
    }
    expect(document.openapi).toBe('3.1.0')
    expect(operations.map(({ name }) => name).toSorted()).toEqual(Object.keys(samples).toSorted())
    for (const [path, methods] of Object.entries(document.paths))
      for (const [method, operation] of Object.entries(methods)) {
        expect(operation.summary).toMatch(/\.$/)
        expect(operation.parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name)).toEqual(path.includes('{id}') ? ['id'] : [])
        expect(operation.requestBody !== undefined).toBe(['post', 'put'].includes(method))
        expect(Object.keys(operation.responses)).toEqual([expect.stringMatching(/^20[01]$/), 'default'])
      }
    expect((await world.call({ method: 'GET', path: 'openapi.json' })).body).toEqual(JSON.parse(JSON.stringify(document)))
  })

  test.each(operations)('describes what $name really answers, and what it really takes', async ({ name, method, path, checkAnswer }) => {
    const fresh = await newWorld()
    const sample = samples[name]?.call(fresh, 'own')
    if (sample === undefined) throw new Error(name)
    const { status, body } = await fresh.call(sample)
    expect([name, status < 300]).toEqual([name, true])
    checkAnswer(body)
    expect(() => checkAnswer({ nothing: 'of the kind' })).toThrow()
    const described = (fresh.api.openapi['paths'] as Record<string, Record<string, { requestBody?: { content: { 'application/json': { schema: object } } } }>>)[
      path
    ]?.[method.toLowerCase()]
    const schema = described?.requestBody?.content['application/json'].schema
    if (schema !== undefined) z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]).parse(sample.body)
  })

  test('describes refusals', async () => {
    const schema = (world.api.openapi['components'] as { schemas: { Error: object } }).schemas.Error
    const { body } = await world.call({ method: 'GET', path: 'keys/none' })
    z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]).parse(body)
  })
})
