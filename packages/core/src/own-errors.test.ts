import { expect, it } from 'vitest'
import { bench, eventStream, replyFrames } from '../test/gateway-bench.ts'
import { GatewayError, type GatewayErrorCode } from './errors.ts'
import { headerValue } from './wire/header-list.ts'

/** Every code, by the compiler's word. */
const codes: Readonly<Record<GatewayErrorCode, true>> = {
  'bad-request-target': true,
  'unknown-route': true,
  'unsupported-encoding': true,
  'unsupported-content-type': true,
  'malformed-body': true,
  'body-too-large': true,
  'missing-credential': true,
  'invalid-credential': true,
  'ambiguous-credential': true,
  'credential-not-allowed': true,
  'keys-unavailable': true,
  refused: true,
  stopped: true,
  'outside-region': true,
  'unknown-model': true,
  'budget-exceeded': true,
  'budget-unavailable': true,
  'ledger-unavailable': true,
  'policy-unavailable': true,
  'rate-limited': true,
  'upstream-unreachable': true,
  'upstream-timeout': true,
  'upstream-broke': true,
  'upstream-redirected': true,
  'shutting-down': true,
  internal: true,
}
const types = /^(?:invalid_request|authentication|permission|billing|not_found|rate_limit|api|timeout|overloaded)_error$|^request_too_large$/

it.each(Object.keys(codes) as GatewayErrorCode[])(
  'F4: %s is answered in the Anthropic envelope, says that it is the gateway’s, and carries the id of its exchange',
  async (code) => {
    const { gateway, send } = bench([])
    gateway.use({
      name: 'refuses',
      handle: () => Promise.reject(new GatewayError(code, 'What happened. What to do.', { retryAfterSeconds: 7, shouldRetry: true })),
    })
    const { sink, settlement } = await send()
    const body = JSON.parse(sink.text()) as { readonly error: { readonly type: string } }
    expect(body).toEqual({
      type: 'error',
      error: { type: expect.stringMatching(types) as string, message: 'What happened. What to do.' },
      request_id: settlement.exchangeId,
    })
    expect(Object.fromEntries(sink.headers ?? [])).toMatchObject({
      'content-type': 'application/json',
      'request-id': settlement.exchangeId,
      'x-sluice-error-origin': 'gateway',
      'x-sluice-error-code': code,
      'retry-after': '7',
      'x-should-retry': 'true',
    })
    expect([sink.status, settlement.status, settlement.outcome.error]).toEqual([new GatewayError(code, '').status, sink.status, { origin: 'gateway', code }])
  },
)

it.each(Object.keys(codes) as GatewayErrorCode[])('F4: %s in the middle of a stream is its last event, in the same envelope', async (code) => {
  const { gateway, send } = bench([{ headers: eventStream, body: replyFrames }])
  gateway.use({
    name: 'cuts',
    handle: (exchange, next) => {
      let seen = 0
      exchange.gate({
        name: 'cuts',
        onFrame: () => {
          seen += 1
          return seen <= 2 ? 'pass' : new GatewayError(code, 'Cut.')
        },
        onMessage: () => 'pass',
      })
      return next({})
    },
  })
  const { sink, settlement } = await send()
  const last = sink.text().trimEnd().split('\n\n').at(-1) ?? ''
  expect(last.startsWith('event: error\ndata: ')).toBe(true)
  expect(JSON.parse(last.slice('event: error\ndata: '.length))).toMatchObject({
    type: 'error',
    error: { type: new GatewayError(code, '').type, message: 'Cut.' },
  })
  expect([sink.status, headerValue(sink.headers ?? [], 'x-sluice-error-origin'), settlement.outcome.error]).toEqual([
    200,
    undefined,
    { origin: 'gateway', code },
  ])
})
