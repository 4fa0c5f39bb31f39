import { fc, test as property } from '@fast-check/vitest'
import type { UpstreamOptions } from '@sluice/core'
import { describe, expect, it } from 'vitest'
import { textOf, upstreamBench } from '../../test/upstream-bench.ts'
import { bedrockInvoke } from '../bedrock/bedrock-invoke.ts'
import { bedrockMantle } from '../bedrock/bedrock-mantle.ts'
import { foundry } from '../foundry.ts'
import { messagesCompatible } from '../messages-compatible.ts'
import { vertex } from '../vertex/vertex.ts'
import { defaultCapabilities } from './default-capabilities.ts'

const model = 'claude-opus-5-5'
const upstreams: readonly (readonly [string, UpstreamOptions])[] = [
  ['bedrock-mantle', bedrockMantle({ region: 'us-east-1', bearerToken: 't' })],
  ['bedrock-invoke', bedrockInvoke({ region: 'us-east-1', bearerToken: 't', models: { [model]: 'us.anthropic.claude-opus-5-5' } })],
  ['vertex', vertex({ project: 'p', region: 'global', accessToken: 't' })],
  ['foundry', foundry({ resource: 'r', apiKey: 'k' })],
  ['messages-compatible', messagesCompatible({ baseUrl: 'https://models.example.com', apiKey: 'k' })],
]
/** Every beta that the table knows: wherever something is stripped, it is stripped here. */
const betas = Object.keys(defaultCapabilities.betas).join(',')

async function sentTo(upstream: UpstreamOptions, body: string): Promise<string> {
  const { send } = upstreamBench(upstream, { headers: [['content-type', 'application/json']], body: ['{}'] })
  const { request } = await send({ body, headers: [['anthropic-beta', betas]] })
  return textOf(request?.body ?? [])
}

const asked = { model, max_tokens: 8, speed: 'fast', context_management: { edits: [] } }
/** The messages, which stand last. */
const messagesIn = (body: string): string => body.slice(body.indexOf('"messages":'), body.lastIndexOf(']') + 1)

describe.each(upstreams)('to %s', (_name, upstream) => {
  it('D4: every cache_control goes as it came, its ttl too, but for a scope that is refused there', async () => {
    const mark = { cache_control: { type: 'ephemeral', ttl: '1h' } }
    const text = { type: 'text', text: 'a', ...mark }
    const body = {
      ...asked,
      system: [text, { ...text, cache_control: { type: 'ephemeral' } }],
      tools: [{ name: 'Bash', input_schema: {}, ...mark }],
      messages: [{ role: 'user', content: [{ type: 'tool_result', tool_use_id: 't', content: [text], ...mark }, text] }],
    }
    const marks = (json: string): readonly string[] => json.match(/"cache_control":\{[^}]*\}/g) ?? []
    const went = await sentTo(upstream, JSON.stringify(body))
    expect(marks(went)).toEqual(marks(JSON.stringify(body)))
    expect(marks(went)).toHaveLength(6)
  })

  it('E1, E2, E6: thinking with and without text, redacted thinking, and what tools are given and give, are the client’s bytes', async () => {
    const long = `mcp__${'x'.repeat(190)}`
    const messages = String.raw`"messages":[{"role":"user","content":"q"},{"role":"assistant", "content":[
      {"type":"thinking","thinking":"\u00e9 \ud83d  \/ {\"speed\":\"fast\"}","signature":"c2ln/+=="},
      {"type":"thinking","thinking":"","signature":"c2ln"},{"type":"redacted_thinking","data":"ZGF0YQ=="},
      {"type":"tool_use","id":"toolu_1","name":"${long}","input":{"speed":"fast","cache_control":{"scope":"global"},"n":1.0,"n":2,"output_config":{"effort":"low"}}}]},
      {"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":[{"type":"tool_reference","tool_name":"${long}"}]},
      {"type":"web_search_tool_result","tool_use_id":"srv_1","content":[{"type":"web_search_result","encrypted_content":"ZQ=="}]}]}]`
    const schema = { type: 'object', properties: { cache_control: { scope: 'global' } } }
    const tools = JSON.stringify([{ name: long, input_schema: schema }])
    const went = await sentTo(upstream, `{"model":"${model}","max_tokens":8,"speed":"fast","tools":${tools},${messages}}`)
    expect(went).toContain(messages)
    expect(went).toContain(tools)
  })

  const ids = fc.uniqueArray(fc.stringMatching(/^toolu_[A-Za-z0-9]{1,24}$/), { minLength: 1, maxLength: 8 })
  property.prop([fc.array(ids, { minLength: 1, maxLength: 4 })], { numRuns: 30 })(
    'E5: uses of tools in parallel and their results keep their ids, order and number',
    async (rounds) => {
      const messages = rounds.flatMap((round) => [
        { role: 'assistant', content: round.map((id) => ({ type: 'tool_use', id, name: 'Bash', input: {} })) },
        { role: 'user', content: round.map((id) => ({ type: 'tool_result', tool_use_id: id, content: 'ok' })) },
      ])
      const body = JSON.stringify({ ...asked, messages })
      expect(messagesIn(await sentTo(upstream, body))).toContain(messagesIn(body))
    },
  )
})
