import type { ConformanceCase, Severity } from '../case.ts'
import { block, frame, messageBody, messageEnd, messageStart, PING, plainMessage, stream, STREAM_HEADERS, textStream } from '../upstream/replies.ts'
import { conformanceCase } from './conformance-case.ts'
import { expectBytes, expectSame, expectStream, expectThat } from './expect.ts'
import { pass } from './through.ts'

/** A stream, in the pieces in which the upstream writes it. */
interface StreamCase {
  readonly id: string
  readonly title: string
  readonly source: string
  readonly severity: Severity
  readonly pieces: () => readonly (Buffer | string)[]
}

const UNICODE = textStream(['żółć ', '漢字 и ', '👩‍👩‍👧 e\u0301 \u2028'])
/** Between pieces, so that each is read by itself. */
const PIECE_MILLIS = 2

const whole = (frames: readonly string[]): string => frames.join('')

/** Bytes in pieces of these sizes, taken in turn. */
function split(text: string, ...sizes: readonly number[]): Buffer[] {
  const bytes = Buffer.from(text)
  const pieces: Buffer[] = []
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1
    pieces.push(bytes.subarray(at, at + size))
    at += size
  }
  return pieces
}

const SPLITS = 'claude-code-router#1672, claude-code-router#198, claude-relay-service#1030'
const FRAMING = 'openclaw#37571, pi#4381; Portkey#741: a gateway that re-encodes frames loses some'
const WHATWG = 'WHATWG HTML §9.2.6, interpreting an event stream'

const STREAMS: readonly StreamCase[] = [
  { id: 'stream-plain', title: 'A stream arrives as it was sent', source: FRAMING, severity: 'must', pieces: () => textStream() },
  {
    id: 'stream-byte-by-byte',
    title: 'A stream that comes byte by byte arrives as it was sent',
    source: SPLITS,
    severity: 'must',
    pieces: () => [whole(UNICODE.slice(0, 2)), ...split(whole(UNICODE.slice(2, 5)), 1), whole(UNICODE.slice(5))],
  },
  {
    id: 'stream-odd-splits',
    title: 'Frames split at odd places arrive as they were sent',
    source: SPLITS,
    severity: 'must',
    pieces: () => split(whole(UNICODE), 3, 7, 1, 64, 5),
  },
  {
    id: 'stream-split-in-character',
    title: 'A frame split inside a multi-byte character arrives whole',
    source: 'claude-code-router#1672, aisix#111, lobehub#18640',
    severity: 'must',
    pieces: () => {
      const at = Buffer.from(whole(UNICODE)).indexOf(Buffer.from('👩'))
      const bytes = Buffer.from(whole(UNICODE))
      return [bytes.subarray(0, at + 2), bytes.subarray(at + 2)]
    },
  },
  {
    id: 'stream-split-in-line-end',
    title: 'A frame split between its two line ends arrives whole',
    source: `praxis#739; ${WHATWG}`,
    severity: 'must',
    pieces: () => textStream().flatMap((each) => [each.slice(0, -1), each.slice(-1)]),
  },
  {
    id: 'stream-one-piece',
    title: 'Many frames in one chunk arrive as they were sent',
    source: FRAMING,
    severity: 'must',
    pieces: () => [whole(textStream())],
  },
  {
    id: 'stream-crlf',
    title: 'CRLF line ends stay CRLF, and split nothing',
    source: `praxis#739; ${WHATWG}`,
    severity: 'should',
    pieces: () => textStream().map((each) => each.replaceAll('\n', '\r\n')),
  },
  { id: 'stream-cr', title: 'CR line ends stay CR', source: WHATWG, severity: 'may', pieces: () => textStream().map((each) => each.replaceAll('\n', '\r')) },
  {
    id: 'stream-no-space',
    title: 'Fields without a space after the colon stay so',
    source: `praxis#739; ${WHATWG}`,
    severity: 'should',
    pieces: () => textStream().map((each) => each.replaceAll(': ', ':')),
  },
  {
    id: 'stream-comments',
    title: 'Comment lines pass',
    source: WHATWG,
    severity: 'should',
    pieces: () => [': upstream says hello\n\n', ...textStream().map((each) => `: note\n${each}`)],
  },
  {
    id: 'stream-id-retry',
    title: 'id and retry fields pass',
    source: WHATWG,
    severity: 'should',
    pieces: () => textStream().map((each, index) => `id: ${index}\nretry: 3000\n${each}`),
  },
  {
    id: 'stream-multi-line-data',
    title: 'Data over several lines stays on several lines',
    source: WHATWG,
    severity: 'should',
    pieces: () => [
      messageStart(),
      'event: content_block_start\ndata: {"type":"content_block_start","index":0,\ndata: "content_block":{"type":"text","text":""}}\n\n',
      ...textStream().slice(2),
    ],
  },
  { id: 'stream-bom', title: 'A byte order mark at the start passes', source: WHATWG, severity: 'may', pieces: () => ['\ufeff', ...textStream()] },
  {
    id: 'stream-unknown-event',
    title: 'An unknown event type passes',
    source: 'opencode#43767, 9router#4196; Anthropic API docs, streaming: new event types may be added',
    severity: 'must',
    pieces: () => [...textStream().slice(0, 3), frame('zz_new_event', { type: 'zz_new_event', payload: { deep: [1, { two: 3 }] } }), ...textStream().slice(3)],
  },
  {
    id: 'stream-event-without-data',
    title: 'An event without data passes',
    source: 'anthropic-sdk-typescript#903',
    severity: 'should',
    pieces: () => [...textStream().slice(0, 3), 'event: zz_empty\n\n', ...textStream().slice(3)],
  },
  {
    id: 'stream-data-without-event',
    title: 'Data without an event name passes as it is',
    source: 'openclaw#37571, cortex#656',
    severity: 'should',
    pieces: () => [...textStream().slice(0, 3), 'data: {"type":"zz_nameless"}\n\n', ...textStream().slice(3)],
  },
  {
    id: 'stream-unknown-keys',
    title: 'Unknown keys in known events pass, at any depth',
    source: '9router#4196, CLIProxyAPI#6009: safeguard_results in message_delta',
    severity: 'must',
    pieces: () => [
      ...textStream().slice(0, -2),
      frame('message_delta', {
        type: 'message_delta',
        delta: { stop_reason: 'end_turn', stop_sequence: null, safeguard_results: [{ type: 'dangerous_tool_use', verdict: 'allow' }] },
        usage: { output_tokens: 7, zz: { a: [null] } },
        zz_top: 1,
      }),
      ...textStream().slice(-1),
    ],
  },
  {
    id: 'stream-number-forms',
    title: 'Numbers and escapes inside events keep their form',
    source: 'pi#8943, langsmith-sdk#3409',
    severity: 'must',
    pieces: () => [
      ...textStream().slice(0, 3),
      'event: content_block_delta\ndata: { "type":"content_block_delta","index":0, "delta":{"type":"text_delta","text":"\\u00e9\\ud83d"},"big":9007199254740993,"f":1.0}\n\n',
      ...textStream().slice(3),
    ],
  },
  {
    id: 'stream-pings',
    title: 'The upstream’s pings pass',
    source: 'Claude Code 2.1.330: pings reset its idle timer; Anthropic docs, llm-gateway-protocol',
    severity: 'must',
    pieces: () => textStream().flatMap((each) => [PING, each]),
  },
  {
    id: 'stream-huge-event',
    title: 'One event of 1 MB arrives as it was sent',
    source: 'litellm#22346; WHATWG sets no limit',
    severity: 'must',
    pieces: () => [
      ...textStream().slice(0, 2),
      frame('content_block_delta', { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'é'.repeat(524_288) } }),
      ...textStream().slice(3),
    ],
  },
  {
    id: 'stream-many-events',
    title: 'Ten thousand small events arrive, in order',
    source: 'litellm#21709, litellm#22346',
    severity: 'must',
    pieces: () => [
      whole([
        messageStart(),
        ...block(
          0,
          { type: 'text', text: '' },
          Array.from({ length: 10_000 }, (_, index) => ({ type: 'text_delta', text: `${index} ` })),
        ),
        ...messageEnd(),
      ]),
    ],
  },
  {
    id: 'stream-empty-delta',
    title: 'Empty deltas pass',
    source: 'litellm#29491, llmgateway#2468, vllm#34887',
    severity: 'must',
    pieces: () => [
      messageStart(),
      ...block(
        0,
        { type: 'tool_use', id: 'toolu_01', name: 'Bash', input: {} },
        ['', '{"comm', '', 'and":"ls"', '}', ''].map((each) => ({ type: 'input_json_delta', partial_json: each })),
      ),
      ...messageEnd('tool_use'),
    ],
  },
  {
    id: 'stream-several-deltas',
    title: 'Several message_delta events pass, each as it is',
    source: 'tensorzero#5481, envoy#2236',
    severity: 'should',
    pieces: () => [...textStream().slice(0, -1), ...messageEnd()],
  },
  {
    id: 'stream-trailing-done',
    title: 'What follows message_stop passes',
    source: 'gt_ai_gateway#14; Claude Code 2.1.330 takes it',
    severity: 'should',
    pieces: () => [...textStream(), 'data: [DONE]\n\n', ': bye\n\n'],
  },
  {
    id: 'stream-no-final-blank-line',
    title: 'A last event without its blank line still arrives',
    source: WHATWG,
    severity: 'may',
    pieces: () => [...textStream(), ': the last line has no end'],
  },
]

const streamCases = STREAMS.map(({ id, title, source, severity, pieces }) =>
  conformanceCase(
    {
      id,
      group: 'response-bytes',
      title,
      requirement: 'The client gets the bytes that the upstream sent; only pings in the vendor’s form may be added, between events.',
      source,
      severity,
    },
    async (context) => {
      const sent = pieces()
      const { reply, bytes, end } = await pass(context, {
        body: (lane) => messageBody(lane, { stream: true }),
        script: stream(sent, STREAM_HEADERS, PIECE_MILLIS),
      })
      expectSame(reply.status, 200, 'status')
      expectStream(bytes, Buffer.concat(sent.map((each) => Buffer.from(each))).toString('utf8'), 'the stream at the client')
      expectSame(end, 'complete', 'how the stream ended')
    },
  ),
)

/** Cases about the bytes of replies. */
export const RESPONSE_BYTES: readonly ConformanceCase[] = [
  ...streamCases,
  conformanceCase(
    {
      id: 'json-without-length',
      group: 'response-bytes',
      title: 'A chunked JSON reply arrives whole',
      requirement: 'Replies without content-length are as good as others.',
      source: 'RFC 9112 §7.1',
      severity: 'must',
    },
    async (context) => {
      const { bytes, end } = await pass(context, { script: stream(split(plainMessage(), 10), [['Content-Type', 'application/json']]) })
      expectBytes(bytes, plainMessage(), 'the reply at the client')
      expectSame(end, 'complete', 'how the reply ended')
    },
  ),
  conformanceCase(
    {
      id: 'stream-with-length',
      group: 'response-bytes',
      title: 'A stream of announced length arrives whole',
      requirement: 'Some upstreams announce a stream’s length: it must neither be cut nor padded.',
      source: 'Claude Code 2.1.330 takes it; RFC 9112 §6.3',
      severity: 'should',
    },
    async (context) => {
      const text = whole(UNICODE)
      const { bytes, end } = await pass(context, {
        body: (lane) => messageBody(lane, { stream: true }),
        script: stream([text], [...STREAM_HEADERS, ['Content-Length', String(Buffer.byteLength(text))]]),
      })
      expectStream(bytes, text, 'the stream at the client')
      expectSame(end, 'complete', 'how the stream ended')
    },
  ),
  conformanceCase(
    {
      id: 'reply-no-content',
      group: 'response-bytes',
      title: 'A 204 passes without a body',
      requirement: 'A status that has no body is passed as it is.',
      source: 'RFC 9110 §15.3.5',
      severity: 'may',
    },
    async (context) => {
      const { reply, bytes } = await pass(context, {
        script: async (turn) => {
          await turn.request.body()
          turn.head(204)
          turn.end()
        },
      })
      expectSame(reply.status, 204, 'status')
      expectThat(bytes.length === 0, `${bytes.length} bytes of body`)
    },
  ),
]
