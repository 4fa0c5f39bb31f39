import type { ClaudeRun } from './claude-run.ts'
import { resultOf } from './claude-run.ts'
import type { UpstreamCall } from './upstream-call.ts'

/** One start of Claude Code within a scenario. All steps of a scenario are one session. */
export interface ScenarioStep {
  /** The prompt. `DIRECTORY` stands for where Claude Code works. */
  readonly prompt: string
  readonly flags?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
}

/** What Claude Code is made to do, and how its two runs are compared. */
export interface MatrixScenario {
  /** What `--only` takes. */
  readonly id: string
  /** The row of the table. */
  readonly title: string
  readonly steps: readonly ScenarioStep[]
  /** Whether Claude Code does several things at once, so that their order is chance: then only what happened is compared, not in which order. */
  readonly isUnordered?: boolean
  /** Why a gateway may well differ here: shown on the page where one does. */
  readonly remark?: string
  /**
   * Whether the upstream breaks off replies. Claude Code does not count what it did not get whole, a gateway does: then what the gateway has recorded is at
   * least what Claude Code shows.
   */
  readonly breaksOff?: boolean
  /** Whether the gateway itself refuses, by a budget, what the upstream refuses when there is no gateway. */
  readonly needsBudget?: boolean
  /** Why this version cannot be tried, as its run without a gateway shows; `undefined` when it can. */
  readonly missing?: (runs: readonly ClaudeRun[], calls: readonly UpstreamCall[]) => string | undefined
}

const lastText = (runs: readonly ClaudeRun[]): string => {
  const last = runs.at(-1)
  return last === undefined ? '' : (resultOf(last)?.text ?? last.complaint)
}
const toolIsMissing = (runs: readonly ClaudeRun[]): string | undefined => /(?:^|\n)(.+ (?:is|are) (?:not )?offered here\.)/.exec(lastText(runs))?.[1]
const flagIsMissing = (runs: readonly ClaudeRun[]): string | undefined =>
  runs.map(({ complaint }) => /unknown option '[^']+'|argument '[^']+' is invalid/.exec(complaint)?.[0]).find((found) => found !== undefined)

/** Whether a request with this in it was sent: else the scenario has not shown what it is for. */
const unlessSent =
  (part: RegExp, what: string): NonNullable<MatrixScenario['missing']> =>
  (runs, calls) =>
    flagIsMissing(runs) ?? toolIsMissing(runs) ?? (calls.some(({ body }) => part.test(body)) ? undefined : `no ${what} is sent`)

/** Fewer retries than the client's own choice: what is compared is whether it retries, and a run must end. */
const FEW_RETRIES = { CLAUDE_CODE_MAX_RETRIES: '2' }
/** Newer versions load rarely used tools on demand; here they are to be offered at once. */
const ALL_TOOLS = { ENABLE_TOOL_SEARCH: 'false' }
const BROKEN_STREAM =
  'A gateway that has sent half a stream can no longer send a status. Sluice ends such a stream with an `error` event, so that nothing takes it for a whole one; Claude Code, which repeats the request as a stream after a broken connection, repeats it once without a stream after an event'
const DEARER_WRITES =
  'Older versions of Claude Code show writes to the 1-hour cache at the price of the 5-minute cache, 1.25 times the input instead of twice. What is recorded is the list price'
const REPEATED =
  'Sluice repeats by itself, once, a request whose kept-alive connection died before any answer. Then Claude Code has nothing to repeat, and says nothing of it'
const SCHEMA = '{"type":"object","properties":{"answer":{"type":"string"}},"required":["answer"],"additionalProperties":false}'

/** The rows of the table, in order. */
export const MATRIX_SCENARIOS: readonly MatrixScenario[] = [
  { id: 'text', title: 'a text answer, shown as it streams', steps: [{ prompt: 'Say it. [[rehearse text words=60]]', flags: ['--include-partial-messages'] }] },
  { id: 'tools', title: 'a loop of ten turns with tools', steps: [{ prompt: 'Work. [[rehearse tool-loop turns=10]]' }] },
  { id: 'parallel-tools', title: 'four tool calls in one turn', isUnordered: true, steps: [{ prompt: 'Work. [[rehearse parallel-tools calls=4]]' }] },
  {
    id: 'thinking',
    title: 'thinking: signed, signed and empty, redacted; sent back in the next turn',
    steps: [{ prompt: 'Think. [[rehearse thinking]]' }, { prompt: 'Go on. [[rehearse thinking]]' }],
    missing: unlessSent(/"type":"redacted_thinking"/, 'thinking of a former turn'),
  },
  {
    id: 'sub-agents',
    title: 'two sub-agents at once, with tools of their own',
    isUnordered: true,
    steps: [{ prompt: 'Delegate. [[rehearse sub-agents agents=2 turns=3]]' }],
    missing: unlessSent(/Work on part 2/, 'request of a sub-agent'),
  },
  {
    id: 'resume',
    title: 'a session that is resumed twice',
    steps: [
      { prompt: 'Work. [[rehearse tool-loop turns=3]]' },
      { prompt: 'More. [[rehearse tool-loop turns=2]]' },
      { prompt: 'Done? [[rehearse text words=10]]' },
    ],
  },
  {
    id: 'compact',
    title: 'compaction on demand (`/compact`)',
    steps: [{ prompt: 'Work. [[rehearse tool-loop turns=3]]' }, { prompt: '/compact' }, { prompt: 'More. [[rehearse tool-loop turns=1 name=after]]' }],
  },
  {
    id: 'one-hour-cache',
    title: 'the 1-hour prompt cache',
    remark: DEARER_WRITES,
    steps: [{ prompt: 'Work. [[rehearse tool-loop turns=2]]', environment: { ENABLE_PROMPT_CACHING_1H: '1' } }],
    missing: unlessSent(/"ttl":"1h"/, 'breakpoint for an hour'),
  },
  {
    id: 'small-model',
    title: 'the small model (`--model haiku`)',
    steps: [{ prompt: 'Work. [[rehearse tool-loop turns=2]]', flags: ['--model', 'haiku'] }],
    missing: unlessSent(/"model":"claude-haiku/, 'request for it'),
  },
  {
    id: 'auto-mode',
    title: 'auto mode: somebody judges each tool call',
    steps: [{ prompt: 'Work. [[rehearse tool-loop turns=4]]', flags: ['--permission-mode', 'auto'] }],
    missing: flagIsMissing,
  },
  {
    id: 'hint-headers',
    title: 'hint headers',
    steps: [{ prompt: 'Work. [[rehearse tool-loop turns=2]]', environment: { CLAUDE_CODE_GATEWAY_HINT_HEADERS: '1' } }],
    missing: (_runs, calls) =>
      calls.some(({ headers }) => headers.some(([name]) => name.toLowerCase() === 'x-claude-code-request-class')) ? undefined : 'no such header is sent',
  },
  {
    id: 'prompt-too-long',
    title: 'compaction forced by 400 `prompt is too long`',
    steps: [{ prompt: 'Work. [[rehearse tool-loop turns=3]]' }, { prompt: 'More. [[rehearse prompt-too-long times=1]]' }],
  },
  {
    id: 'web-search',
    title: 'a web search (a server tool in a request of its own)',
    steps: [{ prompt: 'Search. [[rehearse tool-call tool=WebSearch input="query=rehearsed gateways"]]', environment: ALL_TOOLS }],
    missing: unlessSent(/"type":"web_search_\d+"/, 'request with the server tool'),
  },
  {
    id: 'tool-search',
    title: 'tools that are loaded on demand',
    steps: [{ prompt: 'Search. [[rehearse tool-call tool=ToolSearch input="query=select:WebSearch"]]', environment: { ENABLE_TOOL_SEARCH: 'true' } }],
    missing: toolIsMissing,
  },
  {
    id: 'image',
    title: 'an image that is read',
    steps: [{ prompt: 'Look. [[rehearse tool-call tool=Read input="file_path=DIRECTORY/picture.png"]]' }],
    missing: unlessSent(/"type":"image"/, 'image'),
  },
  {
    id: 'structured',
    title: 'structured output (`--json-schema`)',
    steps: [{ prompt: 'Answer. [[rehearse tool-call tool=StructuredOutput]]', flags: ['--json-schema', SCHEMA] }],
    missing: unlessSent(/"name":"StructuredOutput"/, 'tool for the answer'),
  },
  {
    id: 'count-tokens',
    title: 'tokens counted (`/context`)',
    isUnordered: true,
    steps: [{ prompt: '/context' }],
    missing: (_runs, calls) => (calls.some(({ path }) => path === '/v1/messages/count_tokens') ? undefined : '/context asks for no count'),
  },
  {
    id: 'budget',
    title: 'a budget that is spent (429 `billing_error`)',
    needsBudget: true,
    steps: [{ prompt: 'Spend. [[rehearse spend-limit]]', environment: FEW_RETRIES }],
  },
  { id: 'credit', title: 'the upstream’s own 402', steps: [{ prompt: 'Spend. [[rehearse error status=402]]', environment: FEW_RETRIES }] },
  {
    id: 'rate-limited',
    title: '429 with `retry-after`, then an answer',
    steps: [{ prompt: 'Go. [[rehearse error-then-ok status=429 retry-after=1]]', environment: FEW_RETRIES }],
  },
  { id: 'overloaded', title: '529 every time', steps: [{ prompt: 'Go. [[rehearse overloaded]]', environment: FEW_RETRIES }] },
  { id: 'error-500', title: '500 twice, then an answer', steps: [{ prompt: 'Go. [[rehearse error-then-ok status=500 times=2]]', environment: FEW_RETRIES }] },
  {
    id: 'reset-at-once',
    title: 'a connection reset before any byte, once',
    remark: REPEATED,
    breaksOff: true,
    steps: [{ prompt: 'Go. [[rehearse cut after-frames=0 times=1]]', environment: FEW_RETRIES }],
  },
  {
    id: 'reset-mid-stream',
    title: 'a connection reset within a text, once',
    remark: BROKEN_STREAM,
    breaksOff: true,
    steps: [{ prompt: 'Go. [[rehearse cut after-frames=6 times=1]]', environment: FEW_RETRIES }],
  },
  {
    id: 'end-mid-stream',
    title: 'a stream that ends within a text, once',
    remark: BROKEN_STREAM,
    breaksOff: true,
    steps: [{ prompt: 'Go. [[rehearse cut after-frames=6 how=end times=1]]', environment: FEW_RETRIES }],
  },
  {
    id: 'overloaded-at-once',
    title: '`overloaded_error` as the first event, once',
    breaksOff: true,
    steps: [{ prompt: 'Go. [[rehearse mid-stream-error after-frames=1 times=1]]', environment: FEW_RETRIES }],
  },
  {
    id: 'overloaded-mid-stream',
    title: '`overloaded_error` within a text, once',
    breaksOff: true,
    steps: [{ prompt: 'Go. [[rehearse mid-stream-error after-frames=6 times=1]]', environment: FEW_RETRIES }],
  },
]
