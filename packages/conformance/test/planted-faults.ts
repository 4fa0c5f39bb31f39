import { gunzipSync } from 'node:zlib'
import type { Header } from '../src/headers.ts'
import type { Fault } from './plain-gateway.ts'

/** A fault, and the cases that have to catch it. */
export interface PlantedFault {
  readonly what: string
  readonly fault: Fault
  readonly caughtBy: readonly string[]
}

const without =
  (...names: readonly string[]) =>
  (headers: readonly Header[]): readonly Header[] =>
    headers.filter(([name]) => !names.some((each) => name.toLowerCase() === each || (each.endsWith('*') && name.toLowerCase().startsWith(each.slice(0, -1)))))

const replaced =
  (from: string | RegExp, to: string) =>
  (body: Buffer): Buffer =>
    Buffer.from(body.toString('utf8').replaceAll(from, to))

/** Parses JSON and prints it anew, as a typed gateway does; leaves alone what is none. */
function printedAnew(body: Buffer): Buffer {
  try {
    return Buffer.from(JSON.stringify(JSON.parse(body.toString('utf8'))))
  } catch {
    return body
  }
}

/** Keeps only the fields that an older schema knew. */
function strict(body: Buffer): Buffer {
  try {
    const known = Object.entries(JSON.parse(body.toString('utf8')) as object).filter(([name]) =>
      ['model', 'max_tokens', 'messages', 'metadata', 'stream', 'system', 'tools'].includes(name),
    )
    return Buffer.from(JSON.stringify(Object.fromEntries(known)))
  } catch {
    return body
  }
}

/** Frames of a stream, changed one by one. */
const frames =
  (change: (frame: string) => string) =>
  (body: Buffer, type: string): Buffer =>
    type.startsWith('text/event-stream') ? Buffer.from(body.toString('utf8').split('\n\n').map(change).join('\n\n')) : body

/** A stream with a ping within each event. */
function torn(body: Buffer): Buffer {
  return replaced('\ndata: ', '\nevent: ping\ndata: {"type":"ping"}\n\ndata: ')(body)
}

/** Each kind of mistake that gateways have been seen to make. */
export const PLANTED_FAULTS: readonly PlantedFault[] = [
  {
    what: 're-frames events as one line of data',
    fault: { wholeReply: frames((each) => each.replace(/^id: \d+\nretry: \d+\n/, '').replace(/\r/g, '')) },
    caughtBy: ['stream-id-retry', 'stream-crlf'],
  },
  {
    what: 'joins the lines of data',
    fault: { wholeReply: frames((each) => each.replaceAll(/\ndata: /g, (match, at: number) => (each.lastIndexOf('\ndata: ', at - 1) === -1 ? match : ''))) },
    caughtBy: ['stream-multi-line-data'],
  },
  {
    what: 'prints request JSON anew',
    fault: { requestBody: printedAnew },
    caughtBy: ['body-big-integers', 'body-white-space', 'body-duplicate-keys', 'body-key-order', 'body-escapes'],
  },
  {
    what: 'prints reply JSON anew',
    fault: { wholeReply: (body, type) => (type.includes('json') ? printedAnew(body) : body) },
    caughtBy: ['json-big-integers', 'json-odd-format'],
  },
  {
    what: 'keeps only the fields it knows',
    fault: { requestBody: strict },
    caughtBy: ['body-unknown-field', 'safeguards-request', 'body-thinking-settings', 'protocol-unknown-field'],
  },
  { what: 'drops betas', fault: { requestHeaders: without('anthropic-beta') }, caughtBy: ['header-betas', 'header-beta-unknown', 'protocol-unknown-beta'] },
  { what: 'adds a beta', fault: { requestHeaders: (headers) => [...headers, ['anthropic-beta', 'context-1m-2025-08-07']] }, caughtBy: ['header-betas-none'] },
  {
    what: 'passes only the headers it knows',
    fault: {
      requestHeaders: (headers) =>
        headers.filter(([name]) => ['content-type', 'accept', 'anthropic-version', 'anthropic-beta', 'x-claude-code-session-id'].includes(name.toLowerCase())),
    },
    caughtBy: ['header-unknown', 'header-user-agent', 'header-x-app', 'client-headers-agent'],
  },
  { what: 'drops the session header', fault: { requestHeaders: without('x-claude-code-*') }, caughtBy: ['session-header'] },
  { what: 'drops the query', fault: { requestTarget: (target) => target.replace(/\?.*/, '') }, caughtBy: ['query-beta', 'query-odd', 'count-beta'] },
  {
    what: 'forwards headers of one hop',
    fault: { requestHeaders: (headers) => [...headers, ['Proxy-Authorization', 'Basic Y29u']] },
    caughtBy: ['hop-proxy-authorization'],
  },
  {
    what: 'drops unknown events',
    fault: { wholeReply: frames((each) => (each.includes('zz_') || each.includes(': still') ? '' : each)) },
    caughtBy: ['stream-unknown-event', 'reply-unknown-block'],
  },
  { what: 'drops pings', fault: { wholeReply: frames((each) => (each.startsWith('event: ping') ? '' : each)) }, caughtBy: ['stream-pings', 'pings-only'] },
  {
    what: 'tears events with its heartbeat',
    fault: { wholeReply: (body, type) => (type.includes('event-stream') ? torn(body) : body) },
    caughtBy: ['silence-in-event', 'stream-plain'],
  },
  {
    what: 'drops event names',
    fault: { wholeReply: frames((each) => each.replace(/^event: .*\n/, '')) },
    caughtBy: ['stream-plain', 'first-turn-stream'].slice(0, 1),
  },
  {
    what: 'swallows error events',
    fault: { wholeReply: frames((each) => (each.startsWith('event: error') ? '' : each)) },
    caughtBy: ['stream-error-after-start', 'stream-error-in-block'],
  },
  {
    what: 'makes up a message_stop when the upstream dies',
    fault: { endsCleanlyOnDeath: true, trailer: 'event: message_stop\ndata: {"type":"message_stop"}\n\n' },
    caughtBy: ['cut-reset-3', 'cut-close-5'],
  },
  {
    what: 'ends in order when the upstream dies',
    fault: { endsCleanlyOnDeath: true },
    caughtBy: ['cut-reset-1', 'cut-close-4', 'torn-in-frame', 'torn-json-chunked'],
  },
  { what: 'follows redirects', fault: { followsRedirects: true }, caughtBy: ['redirect-302', 'redirect-307'] },
  { what: 'asks again after bytes were sent', fault: { retriesAfterBytes: true }, caughtBy: ['once-cut-after-first-event', 'once-cut-in-tool'] },
  { what: 'asks again six times on 5xx', fault: { retriesOn: (status) => status >= 500 }, caughtBy: ['few-500', 'few-529', 'once-no-retry-wanted'] },
  { what: 'buffers the stream', fault: { wholeReply: (body) => body }, caughtBy: ['delay-each-event', 'delay-end', 'delay-pings'] },
  {
    what: 'decompresses and leaves the headers',
    fault: { wholeReply: (body) => (body[0] === 0x1f && body[1] === 0x8b ? gunzipSync(body) : body) },
    caughtBy: ['encoding-gzip-json', 'encoding-gzip-stream', 'encoding-gzip-error'],
  },
  {
    what: 'asks for codings that the client does not take',
    fault: { requestHeaders: (headers) => [...without('accept-encoding')(headers), ['accept-encoding', 'gzip']] },
    caughtBy: ['encoding-identity-json', 'encoding-identity-stream'],
  },
  { what: 'sends the client’s key upstream', fault: { forwardsClientKey: true }, caughtBy: ['swap-x-api-key', 'swap-bearer'] },
  { what: 'lets anyone in', fault: { letsAnyoneIn: true }, caughtBy: ['stranger-none', 'stranger-wrong', 'protocol-error-401'] },
  { what: 'checks the budget first and counts later', fault: { checksBudgetFirst: true }, caughtBy: ['budget-race'] },
  { what: 'answers the same prompt from memory', fault: { sharesReplies: true }, caughtBy: ['same-body-twice', 'crowd-json'] },
  { what: 'lets the upstream go on when the client leaves', fault: { ignoresAbort: true }, caughtBy: ['abort-after-3', 'abort-before-head', 'abort-json'] },
  { what: 'takes from the upstream whatever the client reads', fault: { ignoresBackPressure: true }, caughtBy: ['slow-reader-bounds-upstream'] },
  { what: 'takes bodies of 1 MB at most', fault: { maxBodyBytes: 1 << 20 }, caughtBy: ['size-request-1MB', 'size-request-32MB'] },
  { what: 'answers failures with HTML', fault: { htmlErrors: true }, caughtBy: ['fault-connect', 'fault-reset', 'stranger-wrong'] },
  { what: 'turns 529 into 502', fault: { status: (status) => (status === 529 ? 502 : status) }, caughtBy: ['status-529'] },
  {
    what: 'turns errors into 500',
    fault: { status: (status) => (status >= 400 ? 500 : status) },
    caughtBy: ['status-400', 'status-429', 'size-upstream-413', 'count-404'],
  },
  {
    what: 'wraps errors',
    fault: { wholeReply: replaced(/"message":"(prompt is too long[^"]*)"/g, '"message":"upstream error: $1"') },
    caughtBy: ['error-prompt-too-long'],
  },
  {
    what: 'drops retry-after and x-should-retry',
    fault: { replyHeaders: without('retry-after', 'retry-after-ms', 'x-should-retry') },
    caughtBy: ['error-header-retry-after-seconds', 'error-header-should-retry-false'],
  },
  {
    what: 'drops rate limit headers and the request id',
    fault: { replyHeaders: without('anthropic-ratelimit-*', 'request-id') },
    caughtBy: ['reply-header-rate-limits-json', 'reply-header-request-id-stream'],
  },
  { what: 'drops the content type', fault: { replyHeaders: without('content-type') }, caughtBy: ['reply-content-type-stream', 'reply-content-type-json'] },
  { what: 'gives all tool calls one id', fault: { wholeReply: replaced(/toolu_01[AB]/g, 'toolu_merged') }, caughtBy: ['reply-parallel-tools'] },
  { what: 'renames long tools', fault: { requestBody: replaced(/("name":"[^"]{64})[^"]*/g, '$1') }, caughtBy: ['tool-names', 'history-tool-use'] },
  {
    what: 'strips thinking without a text',
    fault: { requestBody: replaced(/\{"type":"thinking","thinking":""[^}]*\},/g, '') },
    caughtBy: ['history-thinking-empty'],
  },
  {
    what: 'decodes each chunk by itself',
    fault: { chunks: () => (chunk) => Buffer.from(chunk.toString('utf8')) },
    caughtBy: ['stream-split-in-character', 'stream-byte-by-byte'],
  },
  {
    what: 'counts tokens by itself',
    fault: { answers: (target) => (target.includes('count_tokens') ? '{"input_tokens":42}' : undefined) },
    caughtBy: ['count-plain', 'count-beta'],
  },
  {
    what: 'loses what follows message_stop',
    fault: {
      wholeReply: (body) => {
        const text = body.toString('utf8')
        const at = text.indexOf('event: message_stop')
        return at === -1 ? body : Buffer.from(text.slice(0, text.indexOf('\n\n', at) + 2))
      },
    },
    caughtBy: ['stream-trailing-done'],
  },
  { what: 'sends 200 before the upstream has answered', fault: { earlyHead: true }, caughtBy: ['delay-status', 'status-500'] },
  {
    what: 'writes the model that was asked for into replies',
    fault: { wholeReply: replaced('claude-sonnet-4-5-20250929', 'claude-sonnet-4-5') },
    caughtBy: ['message-model-kept'],
  },
  {
    what: 'moves cache breakpoints',
    fault: { requestBody: replaced(/,"cache_control":\{[^}]*\}/g, '') },
    caughtBy: ['body-cache-control', 'body-system-blocks'],
  },
]
