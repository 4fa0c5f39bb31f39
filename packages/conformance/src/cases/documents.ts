import type { ConformanceCase, Severity } from '../case.ts'
import type { Header } from '../headers.ts'
import { answer, JSON_HEADERS, plainMessage } from '../upstream/replies.ts'
import { conformanceCase } from './conformance-case.ts'
import { expectBytes, expectSame } from './expect.ts'
import { pass } from './through.ts'

/** A reply that is no stream. */
interface DocumentCase {
  readonly id: string
  readonly title: string
  readonly source: string
  readonly severity: Severity
  readonly body: Buffer | string
  readonly headers?: readonly Header[]
}

const SHAPES = 'litellm#31355, litellm#16996: a typed model in between strips fields'

const DOCUMENTS: readonly DocumentCase[] = [
  { id: 'json-plain', title: 'A JSON reply arrives as it was sent', source: SHAPES, severity: 'must', body: plainMessage() },
  {
    id: 'json-odd-format',
    title: 'Odd white space, key order and escapes of a JSON reply stay',
    source: 'pi#8943, bifrost#1742',
    severity: 'should',
    body: `\n{ "zz" : 1.0 ,\t"content":[ ] , "b":"\\u00e9\\/" ,"a":1e2,\r\n "dup":1, "dup":2 }\n`,
  },
  {
    id: 'json-big-integers',
    title: 'Integers beyond 2^53 in a JSON reply keep every digit',
    source: 'pi#8943, langfuse#14449',
    severity: 'must',
    body: '{"id":"msg_1","content":[{"type":"tool_use","id":"toolu_1","name":"get","input":{"snowflake":9007199254740993}}]}',
  },
  {
    id: 'json-unknown-fields',
    title: 'Unknown fields of a JSON reply pass',
    source: `9router#4196; ${SHAPES}`,
    severity: 'must',
    body: plainMessage().replace(
      '"usage":{',
      '"safeguard_results":[{"verdict":"allow"}],"container":null,"context_management":{"applied_edits":[]},"usage":{"server_tool_use":{"web_search_requests":2},',
    ),
  },
  {
    id: 'json-unicode',
    title: 'UTF-8 in a JSON reply arrives byte by byte',
    source: 'aisix#111, lobehub#18640',
    severity: 'must',
    body: plainMessage('żółć 漢字 👩‍👩‍👧 \u2028'),
  },
  {
    id: 'json-lone-surrogate',
    title: 'An escaped lone surrogate in a reply is not mended',
    source: 'claude-code#68325',
    severity: 'must',
    body: plainMessage('X').replace('"X"', '"broken \\ud83d"'),
  },
  { id: 'reply-empty', title: 'An empty reply with status 200 stays empty', source: 'RFC 9110 §6.4', severity: 'may', body: '' },
  {
    id: 'reply-binary',
    title: 'Bytes that are no text arrive as they were sent',
    source: 'Anthropic API docs, files',
    severity: 'should',
    body: Buffer.from(Array.from({ length: 4096 }, (_, index) => (index * 7) % 256)),
    headers: [['Content-Type', 'application/octet-stream']],
  },
]

/** Cases about the bytes of replies that are no streams. */
export const DOCUMENT_REPLIES: readonly ConformanceCase[] = DOCUMENTS.map(({ id, title, source, severity, body, headers }) =>
  conformanceCase(
    { id, group: 'response-bytes', title, requirement: 'The client gets the bytes that the upstream sent.', source, severity },
    async (context) => {
      const { reply, bytes, end } = await pass(context, { script: answer(200, headers ?? JSON_HEADERS, body) })
      expectSame(reply.status, 200, 'status')
      expectBytes(bytes, body, 'the reply at the client')
      expectSame(end, 'complete', 'how the reply ended')
    },
  ),
)
