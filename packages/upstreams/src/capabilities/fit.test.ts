import { describe, expect, it } from 'vitest'
import { textOf, upstreamBench } from '../../test/upstream-bench.ts'
import { bedrockInvoke } from '../bedrock/bedrock-invoke.ts'
import { bedrockMantle } from '../bedrock/bedrock-mantle.ts'
import { foundry } from '../foundry.ts'
import { messagesCompatible } from '../messages-compatible.ts'
import { vertex } from '../vertex/vertex.ts'
import type { UpstreamOptions } from '@sluice/core'
import { checkCapabilities, type CapabilityTable, type UpstreamKind } from './capability-table.ts'
import { defaultCapabilities } from './default-capabilities.ts'
import type { Capabilities } from './fit.ts'

const model = 'claude-opus-5-5'
const upstreamOf: Readonly<Record<Exclude<UpstreamKind, 'anthropic'>, (capabilities: Capabilities) => UpstreamOptions>> = {
  'bedrock-mantle': (capabilities) => bedrockMantle({ region: 'us-east-1', bearerToken: 't', capabilities }),
  'bedrock-invoke': (capabilities) =>
    bedrockInvoke({ region: 'us-east-1', bearerToken: 't', models: { [model]: 'us.anthropic.claude-opus-5-5' }, capabilities }),
  vertex: (capabilities) => vertex({ project: 'p', region: 'global', accessToken: 't', capabilities }),
  foundry: (capabilities) => foundry({ resource: 'r', apiKey: 'k', capabilities }),
  'messages-compatible': (capabilities) => messagesCompatible({ baseUrl: 'https://models.example.com', apiKey: 'k', capabilities }),
}
const kinds = Object.keys(upstreamOf) as (keyof typeof upstreamOf)[]

/** A request with every field that any beta of the default table goes with. */
const body = {
  model,
  max_tokens: 8,
  speed: 'fast',
  context_management: { edits: [] },
  system: [
    { type: 'text', text: 'x-anthropic-billing-header: cc_version=2.1.330.440; cch=0f3a1;' },
    { type: 'text', text: 'You are x-anthropic-billing-header:', cache_control: { type: 'ephemeral', scope: 'global' } },
  ],
  messages: [
    {
      role: 'system',
      output_config: { effort: 'low' },
      content: [
        { type: 'tool_addition', tool: {} },
        { type: 'tool_removal', tool: {} },
        { type: 'text', text: 'a' },
      ],
    },
  ],
}
const signs: Readonly<Record<string, readonly string[]>> = {
  'claude-code-20250219': [],
  'context-management-2025-06-27': ['context_management'],
  'per-turn-control-2026-07-01': ['output_config'],
  'mid-conversation-output-config-2026-07-01': ['output_config'],
  'mid-conversation-tool-changes-2026-07-01': ['tool_addition', 'tool_removal'],
  'prompt-caching-scope-2026-01-05': ['"scope"'],
  'fast-mode-2026-02-01': ['"speed"'],
}

interface Sent {
  readonly text: string
  readonly betas: readonly string[]
  readonly strippedHeader: string | undefined
  readonly patches: readonly string[]
}

async function sent(
  kind: keyof typeof upstreamOf,
  headers: readonly (readonly [string, string])[],
  table: Capabilities = defaultCapabilities,
  request: object = body,
): Promise<Sent> {
  const { send } = upstreamBench(upstreamOf[kind](table), { headers: [['content-type', 'application/json']], body: ['{}'] })
  const result = await send({ body: JSON.stringify(request), headers })
  const text = textOf(result.request?.body ?? [])
  const inBody = (JSON.parse(text) as { anthropic_beta?: readonly string[] }).anthropic_beta
  const inHeaders = (result.request?.headers ?? []).filter(([name]) => name === 'anthropic-beta').flatMap(([, value]) => value.split(','))
  expect(kind === 'bedrock-invoke' ? inHeaders : inBody).toEqual(kind === 'bedrock-invoke' ? [] : undefined)
  return {
    text,
    betas: inBody ?? inHeaders,
    strippedHeader: result.sink.headers.find(([name]) => name === 'x-sluice-stripped-betas')?.[1],
    patches: result.settlement.proof.patches.map(({ name }) => name),
  }
}

const pairs = kinds.flatMap((kind) => Object.keys(signs).map((beta) => [kind, beta] as const))

describe('betas and their body fields', () => {
  it('of the default table are all looked at here', () => {
    expect(Object.keys(defaultCapabilities.betas).toSorted()).toEqual(Object.keys(signs).toSorted())
  })

  it.each(pairs)('A3, A4: to %s, %s and its fields go together or stay together', async (kind, beta) => {
    const { text, betas, strippedHeader, patches } = await sent(kind, [['anthropic-beta', beta]])
    const isRefused = defaultCapabilities.upstreams[kind]?.refusedBetas.includes(beta) === true
    expect(betas).toEqual(isRefused ? [] : [beta])
    for (const sign of signs[beta] ?? []) expect(text.includes(sign)).toBe(!isRefused)
    expect(strippedHeader).toBe(isRefused ? beta : undefined)
    if (isRefused && (signs[beta] ?? []).length > 0) expect(patches.some((name) => name.endsWith(' stripped'))).toBe(true)
    // Fields of betas that the client did not send are the upstream's to judge.
    for (const [other, fields] of Object.entries(signs)) {
      if (other !== beta && !fields.some((field) => signs[beta]?.includes(field))) for (const field of fields) expect(text).toContain(field)
    }
  })

  it.each(kinds)('A3: an unknown beta passes to %s, with whatever it goes with', async (kind) => {
    const { betas, text, strippedHeader } = await sent(kind, [['anthropic-beta', 'novel-thing-2027-01-01']], defaultCapabilities, {
      ...body,
      novel_thing: { a: 1 },
    })
    expect(betas).toEqual(['novel-thing-2027-01-01'])
    expect(text).toContain('"novel_thing":{"a":1}')
    expect(strippedHeader).toBeUndefined()
  })

  it('A4: a field that a beta that stays needs stays too', async () => {
    const { 'per-turn-control-2026-07-01': unit } = defaultCapabilities.betas
    const both = { 'per-turn-control-2026-07-01': unit, 'mid-conversation-output-config-2026-07-01': unit }
    const one = { refusedBetas: ['per-turn-control-2026-07-01'], renamedBetas: {}, stripsBillingBlock: false, sources: [] }
    const table = checkCapabilities({ version: '1', betas: both, upstreams: { foundry: one } })
    const { text, betas } = await sent('foundry', [['anthropic-beta', Object.keys(both).join(',')]], table)
    expect(betas).toEqual(['mid-conversation-output-config-2026-07-01'])
    expect(text).toContain('output_config')
  })

  it('A2: header lines that nothing is taken from stay as they are, repeats and all', async () => {
    const lines = [
      ['anthropic-beta', 'b-1, a-1'],
      ['Anthropic-Beta', 'a-1'],
    ] as const
    const { send } = upstreamBench(upstreamOf.foundry(defaultCapabilities), { body: [] })
    const { request } = await send({ headers: lines })
    expect(request?.headers.filter(([name]) => name.toLowerCase() === 'anthropic-beta')).toEqual(lines)
  })

  it('a beta that the upstream knows by another name is sent by that name, with its fields', async () => {
    const request = { ...body, tools: [{ name: 'a', defer_loading: true }] }
    for (const kind of ['bedrock-invoke', 'bedrock-mantle', 'vertex'] as const) {
      const { betas, text } = await sent(
        kind,
        [['anthropic-beta', 'interleaved-thinking-2025-05-14,advanced-tool-use-2025-11-20']],
        defaultCapabilities,
        request,
      )
      expect(betas).toEqual(['interleaved-thinking-2025-05-14', 'tool-search-tool-2025-10-19'])
      expect(text).toContain('defer_loading')
    }
  })

  it('a new table counts from the next request on', async () => {
    const strict = checkCapabilities({
      version: '2',
      betas: { 'x-2026-01-01': { fields: ['x'], source: 'test' } },
      upstreams: { foundry: { refusedBetas: ['x-2026-01-01'], renamedBetas: {}, stripsBillingBlock: false, sources: ['test'] } },
    })
    let inForce: CapabilityTable = defaultCapabilities
    const { send } = upstreamBench(foundry({ resource: 'r', apiKey: 'k', capabilities: () => inForce }), { body: [] })
    const ask = async (): Promise<string> =>
      textOf((await send({ body: '{"model":"m","x":1}', headers: [['anthropic-beta', 'x-2026-01-01']] })).request?.body ?? [])
    expect(await ask()).toBe('{"model":"m","x":1}')
    inForce = strict
    expect(await ask()).toBe('{"model":"m"}')
  })
})

describe("Claude Code's billing block", () => {
  it.each(kinds)('D5: to %s goes as the table says, whole and alone', async (kind) => {
    const request = { system: body.system, model, messages: [] }
    const { text } = await sent(kind, [], defaultCapabilities, request)
    const strips = defaultCapabilities.upstreams[kind]?.stripsBillingBlock === true
    const { system } = JSON.parse(text) as { system: readonly unknown[] }
    expect(system).toEqual(strips ? body.system.slice(1) : body.system)
  })

  it('D5: stays on its way to the first party, whatever table is in force', () => {
    expect(defaultCapabilities.upstreams.anthropic).toMatchObject({ refusedBetas: [], renamedBetas: {}, stripsBillingBlock: false })
  })
})
