import type { ConformanceCase, Severity } from '../case.ts'
import { block, frame, json, messageBody, messageEnd, messageStart, plainMessage, stream } from '../upstream/replies.ts'
import { conformanceCase } from './conformance-case.ts'
import { expectBytes, expectStream } from './expect.ts'
import { forwarded, pass } from './through.ts'

const SIGNATURE = 'EqQBCkgIBRABGAIiQLw+/zz==Signature'
const THINKING = 'CLIProxyAPI#2172, bifrost#6342, claude-code#63265: “thinking blocks cannot be modified” ends the session'
const TOOLS = 'claude-code#1237, litellm#16711, CLIProxyAPI#989'

/** A history, or one of its messages, that has to reach the upstream as it is. */
const HISTORIES: readonly (readonly [id: string, title: string, severity: Severity, source: string, content: readonly unknown[]])[] = [
  [
    'thinking',
    'Signed thinking in the history',
    'must',
    THINKING,
    [
      { type: 'thinking', thinking: 'Let me  see.\n\n ', signature: SIGNATURE },
      { type: 'text', text: 'So.' },
    ],
  ],
  [
    'thinking-empty',
    'Signed thinking with an empty text',
    'must',
    'litellm#41361, hebo-gateway#171: the default shape of new models',
    [
      { type: 'thinking', thinking: '', signature: SIGNATURE },
      { type: 'text', text: 'So.' },
    ],
  ],
  [
    'redacted-thinking',
    'Redacted thinking',
    'must',
    THINKING,
    [
      { type: 'redacted_thinking', data: 'EmwKAhgBEgy3va3pzix/LafPsn4a' },
      { type: 'text', text: 'So.' },
    ],
  ],
  [
    'tool-use',
    'Parallel tool calls, with odd ids and inputs',
    'must',
    TOOLS,
    [
      { type: 'tool_use', id: 'toolu_01A', name: 'Bash', input: { command: 'ls', n: 1.5 } },
      { type: 'tool_use', id: 'call-2/x.y', name: 'mcp__server-a__tool_with_a_very_long_name_that_goes_past_sixty_four_characters_easily', input: {} },
    ],
  ],
  [
    'tool-result',
    'Tool results in another order than the calls, with an error and an image',
    'must',
    TOOLS,
    [
      {
        type: 'tool_result',
        tool_use_id: 'call-2/x.y',
        content: [{ type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' } }],
      },
      { type: 'tool_result', tool_use_id: 'toolu_01A', is_error: true, content: '' },
    ],
  ],
  [
    'tool-reference',
    'Tool references',
    'should',
    'opencodex#5029, litellm#38465',
    [{ type: 'tool_result', tool_use_id: 'toolu_01A', content: [{ type: 'tool_reference', tool_name: 'mcp__a__b' }] }],
  ],
  [
    'server-tools',
    'Server tools and their results',
    'must',
    'onyx#13697, litellm#31355',
    [
      { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: { query: 'x' } },
      {
        type: 'web_search_tool_result',
        tool_use_id: 'srvtoolu_1',
        content: [{ type: 'web_search_result', url: 'https://example.com', title: 'T', encrypted_content: 'Eo8=', page_age: null }],
      },
    ],
  ],
  [
    'documents',
    'Documents with citations',
    'should',
    'onyx#13697',
    [{ type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'D' }, citations: { enabled: true }, context: null }],
  ],
  [
    'unknown-block',
    'A content block that nobody knows yet',
    'must',
    'free-claude-code#606, CLIProxyAPI#3901',
    [{ type: 'zz_new_block', payload: { a: [1, 2, { b: null }] } }],
  ],
]

const historyCases = HISTORIES.map(([id, title, severity, source, content]) =>
  conformanceCase(
    {
      id: `history-${id}`,
      group: 'thinking-and-tools',
      title: `${title} reach${title.startsWith('Signed') || title.startsWith('Redacted') || title.startsWith('A ') ? 'es' : ''} the upstream unchanged`,
      requirement: 'The history is the client’s: blocks are neither dropped, merged, renamed nor reordered.',
      source,
      severity,
    },
    async (context) => {
      let sent = ''
      const seen = await forwarded(context, {
        body: (lane) =>
          (sent = messageBody(lane, {
            messages: [
              { role: 'user', content: lane },
              { role: 'assistant', content },
              { role: 'user', content: [{ type: 'text', text: 'Go on.' }] },
            ],
          })),
      })
      expectBytes(await seen.body(), sent, 'the body at the upstream')
    },
  ),
)

/** Blocks that a reply may hold: how each begins and its deltas. */
const REPLIES: readonly (readonly [
  id: string,
  title: string,
  severity: Severity,
  source: string,
  blocks: readonly (readonly [start: unknown, deltas: readonly unknown[]])[],
  stopReason: string,
])[] = [
  [
    'thinking',
    'Thinking with its signature reaches the client',
    'must',
    THINKING,
    [
      [
        { type: 'thinking', thinking: '', signature: '' },
        [
          { type: 'thinking_delta', thinking: 'Let me  see.\n' },
          { type: 'signature_delta', signature: SIGNATURE },
        ],
      ],
      [{ type: 'text', text: '' }, [{ type: 'text_delta', text: 'So.' }]],
    ],
    'end_turn',
  ],
  [
    'thinking-empty',
    'Thinking with an empty text and a signature reaches the client',
    'must',
    'litellm#41361, hebo-gateway#171',
    [
      [{ type: 'thinking', thinking: '', signature: '' }, [{ type: 'signature_delta', signature: SIGNATURE }]],
      [{ type: 'text', text: '' }, []],
    ],
    'end_turn',
  ],
  [
    'redacted-thinking',
    'Redacted thinking reaches the client',
    'must',
    THINKING,
    [[{ type: 'redacted_thinking', data: 'EmwKAhgBEgy3va3pzix' }, []]],
    'end_turn',
  ],
  [
    'parallel-tools',
    'Parallel tool calls keep their ids, names and inputs',
    'must',
    TOOLS,
    [
      [
        { type: 'tool_use', id: 'toolu_01A', name: 'Bash', input: {} },
        [
          { type: 'input_json_delta', partial_json: '' },
          { type: 'input_json_delta', partial_json: '{"a":9007199254740993' },
          { type: 'input_json_delta', partial_json: '}' },
        ],
      ],
      [{ type: 'tool_use', id: 'toolu_01B', name: 'Bash', input: {} }, [{ type: 'input_json_delta', partial_json: '{}' }]],
    ],
    'tool_use',
  ],
  [
    'server-tools',
    'Server tools and their results reach the client',
    'must',
    'onyx#13697, litellm#31355',
    [
      [{ type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: {} }, [{ type: 'input_json_delta', partial_json: '{"query":"x"}' }]],
      [
        {
          type: 'web_search_tool_result',
          tool_use_id: 'srvtoolu_1',
          content: [{ type: 'web_search_result', url: 'https://example.com', encrypted_content: 'Eo8=' }],
        },
        [],
      ],
    ],
    'pause_turn',
  ],
  [
    'citations',
    'Citations reach the client',
    'should',
    'onyx#13697',
    [[{ type: 'text', text: '', citations: [] }, [{ type: 'citations_delta', citation: { type: 'char_location', cited_text: 'x', document_index: 0 } }]]],
    'end_turn',
  ],
  [
    'unknown-block',
    'A block and a delta that nobody knows yet reach the client',
    'must',
    'opencode#43767; Anthropic API docs, streaming',
    [[{ type: 'zz_new_block', zz: { a: 1 } }, [{ type: 'zz_new_delta', zz: [1] }]]],
    'zz_new_reason',
  ],
  ['refusal', 'A refusal with its stop reason reaches the client', 'should', 'OmniRoute#4450; Anthropic API docs, stop reasons', [], 'refusal'],
]

const replyCases = REPLIES.map(([id, title, severity, source, blocks, stopReason]) =>
  conformanceCase(
    {
      id: `reply-${id}`,
      group: 'thinking-and-tools',
      title,
      requirement: 'Blocks of a reply reach the client as the upstream sent them, in a stream and in JSON.',
      source,
      severity,
    },
    async (context) => {
      const frames = [messageStart(), ...blocks.flatMap(([start, deltas], index) => block(index, start, deltas)), ...messageEnd(stopReason)]
      const streamed = await pass(context, { body: (lane) => messageBody(lane, { stream: true }), script: stream(frames) })
      expectStream(streamed.bytes, frames.join(''), 'the stream')
      const body = JSON.stringify({ ...(JSON.parse(plainMessage()) as object), content: blocks.map(([start]) => start), stop_reason: stopReason })
      const plain = await pass(context, { script: json(body) })
      expectBytes(plain.bytes, body, 'the JSON reply')
    },
  ),
)

/** Cases about thinking, tools and blocks of every kind. */
export const THINKING_AND_TOOLS: readonly ConformanceCase[] = [
  ...historyCases,
  ...replyCases,
  conformanceCase(
    {
      id: 'tool-names',
      group: 'thinking-and-tools',
      title: 'Tools of 1 to 200 characters of name, two hundred of them, reach the upstream',
      requirement: 'Tools are neither renamed, cut nor refused.',
      source: 'ToolUniverse#65, kolega#590, OmniRoute#14610',
      severity: 'should',
    },
    async (context) => {
      let sent = ''
      const tools = Array.from({ length: 200 }, (_, index) => ({
        name: 't'.repeat(index + 1),
        description: '',
        input_schema: { type: 'object', $ref: '#/x', 'x-vendor': true },
      }))
      const seen = await forwarded(context, { body: (lane) => (sent = messageBody(lane, { tools })) })
      expectBytes(await seen.body(), sent, 'the body at the upstream')
    },
  ),
  conformanceCase(
    {
      id: 'interleaved-blocks',
      group: 'thinking-and-tools',
      title: 'Interleaved blocks reach the client in the order in which they came',
      requirement: 'Events are not sorted by block.',
      source: 'litellm#38465; wire of Claude Code 2.1.330',
      severity: 'should',
    },
    async (context) => {
      const delta = (index: number, text: string): string =>
        frame('content_block_delta', { type: 'content_block_delta', index, delta: { type: 'text_delta', text } })
      const start = (index: number): string => frame('content_block_start', { type: 'content_block_start', index, content_block: { type: 'text', text: '' } })
      const stop = (index: number): string => frame('content_block_stop', { type: 'content_block_stop', index })
      const frames = [messageStart(), start(0), start(1), delta(1, 'b'), delta(0, 'a'), stop(1), delta(0, 'c'), stop(0), ...messageEnd()]
      const { bytes } = await pass(context, { body: (lane) => messageBody(lane, { stream: true }), script: stream(frames) })
      expectStream(bytes, frames.join(''), 'the stream')
    },
  ),
]
