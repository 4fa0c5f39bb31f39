import { ConfigurationError } from '@sluice/core'
import { describe, expect, it } from 'vitest'
import { checkCapabilities, type CapabilityTable } from './capability-table.ts'
import { defaultCapabilities } from './default-capabilities.ts'

const table = (changes: Record<string, unknown> = {}): unknown => ({ version: '1', betas: {}, upstreams: {}, ...changes })
const upstream = (changes: Record<string, unknown> = {}): unknown => ({ refusedBetas: [], renamedBetas: {}, stripsBillingBlock: true, sources: [], ...changes })

describe('a capability table', () => {
  it('is read from JSON text or a value, and again from what it was read to', () => {
    const text = JSON.stringify(defaultCapabilities)
    expect(checkCapabilities(text)).toEqual(defaultCapabilities)
    expect(checkCapabilities(JSON.parse(text))).toEqual(defaultCapabilities)
    expect(checkCapabilities(defaultCapabilities)).toEqual(defaultCapabilities)
  })

  it('names a source for everything it says by default', () => {
    for (const { source } of Object.values(defaultCapabilities.betas)) expect(source.length).toBeGreaterThan(10)
    for (const { sources } of Object.values(defaultCapabilities.upstreams)) expect(sources.length).toBeGreaterThan(0)
  })

  it('cannot be changed once it is read', () => {
    const read = checkCapabilities(table()) as { version: string; betas: CapabilityTable['betas'] }
    expect(() => (read.version = '2')).toThrow(TypeError)
    expect(Object.isFrozen(read.betas)).toBe(true)
  })

  it.each([
    ['capabilities', 'not json'],
    ['capabilities', []],
    ['capabilities', null],
    ['capabilities.version', table({ version: 1 })],
    ['capabilities.extra', table({ extra: 1 })],
    ['capabilities.betas', table({ betas: [] })],
    ['capabilities.betas', table({ betas: { 'a,b': { fields: [], source: 'x' } } })],
    ['capabilities.betas["a"].fields', table({ betas: { a: { fields: ['a..b'], source: 'x' } } })],
    ['capabilities.betas["a"].fields', table({ betas: { a: { fields: 'x', source: 'x' } } })],
    ['capabilities.betas["a"].source', table({ betas: { a: { fields: [] } } })],
    ['capabilities.upstreams["azure"]', table({ upstreams: { azure: upstream() } })],
    ['capabilities.upstreams["vertex"].refusedBetas', table({ upstreams: { vertex: upstream({ refusedBetas: ['unknown-2026-01-01'] }) } })],
    ['capabilities.upstreams["vertex"].refusedBetas', table({ upstreams: { vertex: upstream({ refusedBetas: ['__proto__'] }) } })],
    ['capabilities.upstreams["vertex"].renamedBetas', table({ upstreams: { vertex: upstream({ renamedBetas: { a: 'b\r\nx: y' } }) } })],
    ['capabilities.upstreams["vertex"].stripsBillingBlock', table({ upstreams: { vertex: upstream({ stripsBillingBlock: 'yes' }) } })],
    ['capabilities.upstreams["anthropic"]', table({ upstreams: { anthropic: upstream() } })],
    [
      'capabilities.upstreams["vertex"].renamedBetas',
      table({ betas: { a: { fields: [], source: 'x' } }, upstreams: { vertex: upstream({ refusedBetas: ['a'], renamedBetas: { a: 'b' } }) } }),
    ],
  ])('that is wrong at %s is refused as a whole, by name', (option, json) => {
    let error: unknown
    try {
      checkCapabilities(json)
    } catch (cause) {
      error = cause
    }
    expect(error).toBeInstanceOf(ConfigurationError)
    expect((error as ConfigurationError).option).toBe(option)
  })
})
