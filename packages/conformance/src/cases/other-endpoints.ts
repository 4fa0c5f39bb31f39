import type { ConformanceCase, Severity } from '../case.ts'
import { answer, JSON_HEADERS } from '../upstream/replies.ts'
import { conformanceCase } from './conformance-case.ts'
import { expectAnthropicError, expectBytes, expectSame, expectThat } from './expect.ts'
import { pass } from './through.ts'

/** A request of the API besides messages. */
interface EndpointCase {
  readonly id: string
  readonly title: string
  readonly severity: Severity
  readonly method: string
  readonly path: string
  readonly type?: string
  readonly body?: (lane: string) => Buffer | string
  readonly answerType?: string
  readonly answer?: Buffer | string
}

const BINARY = Buffer.from(Array.from({ length: 2048 }, (_, index) => (index * 31 + 7) % 256))

/** A form with a file whose bytes are no text. */
function form(lane: string): Buffer {
  return Buffer.concat([
    Buffer.from(`--zzBoundary\r\nContent-Disposition: form-data; name="file"; filename="${lane}.bin"\r\nContent-Type: application/octet-stream\r\n\r\n`),
    BINARY,
    Buffer.from('\r\n--zzBoundary--\r\n'),
  ])
}

const ENDPOINTS: readonly EndpointCase[] = [
  {
    id: 'batches-create',
    title: 'Creating a batch',
    severity: 'should',
    method: 'POST',
    path: '/v1/messages/batches?beta=true',
    body: (lane) => `{"requests":[{"custom_id":"${lane}","params":{"model":"claude-sonnet-4-5","max_tokens":5,"messages":[]}}]}`,
  },
  { id: 'batches-list', title: 'Listing batches', severity: 'may', method: 'GET', path: '/v1/messages/batches?limit=20&after_id=msgbatch_1' },
  {
    id: 'batches-results',
    title: 'The results of a batch, line by line',
    severity: 'should',
    method: 'GET',
    path: '/v1/messages/batches/msgbatch_1/results',
    answerType: 'application/x-jsonl',
    answer: '{"custom_id":"a","result":{"type":"succeeded"}}\n{"custom_id":"b","result":{"type":"expired"}}\n',
  },
  { id: 'batches-cancel', title: 'Cancelling a batch, without a body', severity: 'may', method: 'POST', path: '/v1/messages/batches/msgbatch_1/cancel' },
  {
    id: 'files-upload',
    title: 'Uploading a file',
    severity: 'should',
    method: 'POST',
    path: '/v1/files',
    type: 'multipart/form-data; boundary=zzBoundary',
    body: form,
  },
  {
    id: 'files-content',
    title: 'Downloading a file',
    severity: 'should',
    method: 'GET',
    path: '/v1/files/file_1/content',
    answerType: 'application/octet-stream',
    answer: BINARY,
  },
  { id: 'files-delete', title: 'Deleting a file', severity: 'may', method: 'DELETE', path: '/v1/files/file_1' },
  {
    id: 'skills',
    title: 'An endpoint that is newer than the gateway, with a body',
    severity: 'should',
    method: 'POST',
    path: '/v1/zz-new-endpoint/with/depth?x=1',
    body: (lane) => `{"new":"${lane}","n":9007199254740993}`,
  },
  { id: 'unknown-get', title: 'An endpoint that is newer than the gateway, without a body', severity: 'should', method: 'GET', path: '/v1/zz-new-endpoint' },
  { id: 'put', title: 'PUT', severity: 'may', method: 'PUT', path: '/v1/zz-new-endpoint/1', body: () => '{"a":1}' },
  { id: 'patch', title: 'PATCH', severity: 'may', method: 'PATCH', path: '/v1/zz-new-endpoint/1', body: () => '{"a":1}' },
]

const endpointCases = ENDPOINTS.map(({ id, title, severity, method, path, type, body, answerType, answer: replyBody }) =>
  conformanceCase(
    {
      id: `endpoint-${id}`,
      group: 'other-endpoints',
      title: `${title} (${method} ${path}) is forwarded as it is, or refused in the vendor’s form`,
      requirement:
        'What a gateway serves of the API besides messages goes through byte by byte; what it does not serve is refused with an error that the SDKs read.',
      source: 'litellm#27944, praxis#739; Anthropic API docs',
      severity,
    },
    async (context) => {
      const sentBack = replyBody ?? '{"ok":true, "n":9007199254740993}'
      let sent: Buffer | string = ''
      const { lane, reply, bytes } = await pass(context, {
        method,
        path,
        headers: type === undefined ? [] : [['Content-Type', type]],
        body: body === undefined ? null : (each) => (sent = body(each)),
        script: answer(200, answerType === undefined ? JSON_HEADERS : [['Content-Type', answerType]], sentBack),
      })
      const seen = lane.requests[0]
      if (seen === undefined) {
        expectThat([400, 403, 404, 405, 501].includes(reply.status), `not forwarded, status ${reply.status}`)
        expectAnthropicError(reply, bytes)
        return
      }
      expectSame([seen.method, seen.target.replace(/^.*?(?=\/v1\/)/, '')], [method, path], 'method and target at the upstream')
      expectBytes(await seen.body(), sent, 'the body at the upstream')
      expectSame(reply.status, 200, 'status')
      expectBytes(bytes, sentBack, 'the reply')
    },
  ),
)

/** What Claude Code and people ask besides; any orderly answer will do. */
const PROBES: readonly (readonly [id: string, method: string, path: string, severity: Severity, source: string])[] = [
  ['hello', 'HEAD', '/api/hello', 'should', 'wire of Claude Code 2.1.330: sent at every start, without a credential; headroom#3248'],
  ['root', 'HEAD', '/', 'may', 'CLIProxyAPI#5905'],
  ['event-logging', 'POST', '/api/event_logging/batch', 'should', 'CLIProxyAPI#5905, fuergaosi#65'],
]

/** Cases about everything besides messages. */
export const OTHER_ENDPOINTS: readonly ConformanceCase[] = [
  ...endpointCases,
  ...PROBES.map(([id, method, path, severity, source]) =>
    conformanceCase(
      {
        id: `probe-${id}`,
        group: 'other-endpoints',
        title: `${method} ${path} gets an orderly answer, without a redirect and without a 5xx`,
        requirement: 'Probes of the client are answered at once; any status but a redirect or a failure will do.',
        source,
        severity,
      },
      async (context) => {
        const { reply } = await pass(context, {
          method,
          path,
          body: method === 'POST' ? (lane) => `{"events":[],"session":"${lane}"}` : null,
          ...(id === 'hello' ? { key: null, headers: [['User-Agent', 'Bun/1.4.4']] } : {}),
          script: answer(200, JSON_HEADERS, method === 'HEAD' ? '' : '{}'),
        })
        expectThat(reply.status < 300 || (reply.status >= 400 && reply.status < 500), `status ${reply.status}`)
      },
    ),
  ),
]
