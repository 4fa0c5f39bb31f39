import { errorReply, errorTypeOf } from '../wire/error-reply.ts'
import { dateHeader, identityHeaders, rateLimitHeaders, type HeaderList } from '../wire/headers.ts'
import type { ScriptedReply } from '../wire/reply.ts'
import type { Scenario } from './scenario.ts'
import type { Stage } from './stage.ts'

const MESSAGES: Readonly<Record<number, string>> = {
  400: 'messages: at least one message is required',
  401: 'invalid x-api-key',
  402: 'Your credit balance is too low to access the Anthropic API.',
  403: 'Your API key does not have permission to use the specified resource.',
  404: 'model: claude-rehearsal-unknown',
  413: 'Request exceeds the maximum size',
  429: "This request would exceed your organization's rate limit of 4,000,000 input tokens per minute.",
  500: 'Internal server error',
  503: 'Service temporarily unavailable',
  504: 'Request timed out',
  529: 'Overloaded',
}

interface ErrorShape {
  readonly status: number
  readonly type?: string
  readonly message?: string
  readonly retryAfterSeconds?: number
}

/** An error with the fields its class really carries: rate-limit counters on 429, `x-should-retry`, identity. */
export function apiError(stage: Stage, shape: ErrorShape): ScriptedReply {
  const { options, memory } = stage
  const { status } = shape
  const retryAfter = options.has('retryAfter') ? options.number('retryAfter', 0) : shape.retryAfterSeconds
  const headers: HeaderList = [dateHeader(memory.now()), ...identityHeaders(memory.random, memory.organization)]
  if (status === 429) headers.push(...rateLimitHeaders(memory.now(), { requests: 0, tokens: 0 }))
  if (retryAfter !== undefined) headers.push(['retry-after', String(retryAfter)])
  if (options.has('shouldRetry')) headers.push(['x-should-retry', String(options.flag('shouldRetry', true))])
  const type = options.text('type', shape.type ?? errorTypeOf(status))
  return errorReply(status, type, options.text('message', shape.message ?? MESSAGES[status] ?? `rehearsed ${type}`), headers, memory.random)
}

const ERROR_OPTIONS = {
  'retry-after': 'seconds (absent, or as the class has it)',
  'should-retry': 'value of x-should-retry (false for statuses that a repeat cannot change)',
  message: 'error text',
  type: 'error type (the one that belongs to the status)',
}

/** Any error status. */
export const error: Scenario = {
  name: 'error',
  summary: 'an error answer with the headers of its class',
  options: { status: 'HTTP status (500)', ...ERROR_OPTIONS },
  wellFormed: false,
  reply: (stage) => apiError(stage, { status: stage.options.whole('status', 500) }),
}

/** 529, as under peak load; Claude Code gives up after three. */
export const overloaded: Scenario = {
  name: 'overloaded',
  summary: '529 overloaded_error',
  options: ERROR_OPTIONS,
  wellFormed: false,
  reply: (stage) => apiError(stage, { status: 529 }),
}

/** 429 with exhausted rate-limit counters and `retry-after`. */
export const rateLimited: Scenario = {
  name: 'rate-limited',
  summary: '429 rate_limit_error with retry-after and exhausted counters',
  options: { ...ERROR_OPTIONS, 'retry-after': 'seconds (30)' },
  wellFormed: false,
  reply: (stage) => apiError(stage, { status: 429, retryAfterSeconds: 30 }),
}

/**
 * The refusal at the end of a budget, as `claude gateway` sends it: Claude Code stops after one request and shows the message.
 * Without the whole set of headers it takes the answer for a busy server.
 */
export const spendLimit: Scenario = {
  name: 'spend-limit',
  summary: '429 billing_error with the headers of a spend limit that was reached',
  options: { ...ERROR_OPTIONS, 'retry-after': 'seconds (86400)' },
  wellFormed: false,
  reply: (stage) => {
    const seconds = stage.options.whole('retryAfter', 86_400)
    const resetsAt = String(Math.floor(stage.memory.now() / 1000) + seconds)
    const message = stage.options.text('message', 'spend limit reached · resets tomorrow · Ask whoever runs the gateway.')
    return errorReply(429, 'billing_error', message, [
      dateHeader(stage.memory.now()),
      ...identityHeaders(stage.memory.random, stage.memory.organization),
      ['retry-after', String(seconds)],
      ['x-should-retry', 'false'],
      ['anthropic-ratelimit-unified-status', 'rejected'],
      ['anthropic-ratelimit-unified-reset', resetsAt],
      ['anthropic-ratelimit-unified-overage-reset', resetsAt],
      ['anthropic-ratelimit-unified-overage-utilization', '1'],
      ['anthropic-ratelimit-unified-overage-surpassed-threshold', '1'],
      ['anthropic-ratelimit-unified-overage-period', 'daily'],
      ['anthropic-ratelimit-unified-overage-disabled-reason', 'org_spend_cap_reached'],
    ])
  },
}

/** The 400 whose wording makes Claude Code compact the conversation. */
export const promptTooLong: Scenario = {
  name: 'prompt-too-long',
  summary: '400 "prompt is too long: N tokens > M maximum"',
  options: { tokens: 'N (205000)', maximum: 'M (200000)' },
  wellFormed: false,
  reply: (stage) =>
    apiError(stage, {
      status: 400,
      message: `prompt is too long: ${stage.options.whole('tokens', 205_000)} tokens > ${stage.options.whole('maximum', 200_000)} maximum`,
    }),
}

/** Errors first, then ordinary answers; the count is kept per session by the `times` option. */
export const errorThenOk: Scenario = {
  name: 'error-then-ok',
  summary: 'an error for the first requests of a session, then ordinary answers',
  options: { times: 'how many fail (1)', status: 'HTTP status (529)', ...ERROR_OPTIONS },
  wellFormed: false,
  reply: (stage) => apiError(stage, { status: stage.options.whole('status', 529) }),
}
