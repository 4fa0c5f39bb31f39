import { describe, expect, it } from 'vitest'
import { schemaInstance } from './schema-instance.ts'

describe('an instance of a JSON schema', () => {
  it('fills every property by its type', () => {
    const schema = {
      type: 'object',
      properties: {
        title: { type: 'string', maxLength: 5 },
        count: { type: 'integer', minimum: 3 },
        tags: { type: 'array', items: { enum: ['x', 'y'] }, minItems: 2 },
        when: { type: ['null', 'string'], format: 'date' },
        nested: { $ref: '#/$defs/inner' },
        choice: { anyOf: [{ const: 7 }, { type: 'string' }] },
        done: { type: 'boolean' },
      },
      $defs: { inner: { type: 'object', properties: { url: { type: 'string', format: 'uri' } } } },
    }
    expect(schemaInstance(schema)).toEqual({
      title: 'Rehea',
      count: 3,
      tags: ['x', 'x'],
      when: '2026-11-24',
      nested: { url: 'https://example.com/rehearsal' },
      choice: 7,
      done: false,
    })
  })

  it('ends on a schema that refers to itself', () => {
    const schema = { type: 'object', properties: { child: { $ref: '#' } } }
    expect(JSON.stringify(schemaInstance(schema))).toContain('child')
  })
})
