import { mintId } from '../wire/ids.ts'
import { errorTypeOf } from '../wire/error-reply.ts'
import { sse } from '../wire/sse.ts'
import { BASE_OPTIONS, baseReply, interrupted } from './base-reply.ts'
import { apiError } from './errors.ts'
import type { Scenario } from './scenario.ts'

/** An `error` event in the middle: how the API ends a stream that it cannot go on with ("Error events"). */
export const midStreamError: Scenario = {
  name: 'mid-stream-error',
  summary: 'event: error after k frames of a 200 stream',
  options: {
    'after-frames': 'frames before it (6)',
    status: 'the class of the error (529)',
    type: 'error type',
    message: 'error text (Overloaded)',
    ...BASE_OPTIONS,
  },
  wellFormed: false,
  reply: (stage) => {
    const status = stage.options.whole('status', 529)
    if (!stage.streams) return apiError(stage, { status })
    const event = sse('error', {
      type: 'error',
      error: {
        details: null,
        type: stage.options.text('type', errorTypeOf(status)),
        message: stage.options.text('message', 'Overloaded'),
      },
      request_id: mintId('req', stage.random),
    })
    return interrupted(stage, 6, [{ bytes: event }])
  },
}

/** The connection dies, with or without a reset. */
export const cut: Scenario = {
  name: 'cut',
  summary: 'the reply breaks off after k frames (0: before any byte)',
  options: {
    'after-frames': 'frames before the break (6)',
    how: 'reset (RST), fin (the socket closes inside the body) or end (the body ends properly, its message does not) (reset)',
    'linger-millis': 'pause before the break, so that the client has read the frames (10)',
    head: '1 sends the head when no frame is sent (0)',
    ...BASE_OPTIONS,
  },
  wellFormed: false,
  reply: (stage) => {
    const wanted = stage.options.text('how', 'reset')
    if (wanted === 'end') return interrupted(stage, 6, [])
    const how = wanted === 'fin' ? 'fin' : 'reset'
    const ending = {
      cut: how,
      ...(stage.options.has('lingerMillis') ? { afterMillis: stage.options.number('lingerMillis', 10) } : {}),
    } as const
    if (stage.options.whole('afterFrames', 6) === 0 && !stage.options.flag('head', false)) {
      return { status: 200, steps: [ending, { head: true }] }
    }
    return interrupted(stage, 6, [ending])
  },
}

/** The connection stays open and silent. */
export const stall: Scenario = {
  name: 'stall',
  summary: 'silence after k frames, until the client leaves',
  options: { 'after-frames': 'frames before it (6)', ...BASE_OPTIONS },
  wellFormed: false,
  reply: (stage) => interrupted(stage, 6, [{ stall: true }]),
}

/** A whole reply, slowly. */
export const slowDrip: Scenario = {
  name: 'slow-drip',
  summary: 'a whole reply with a pause before every frame',
  options: { ...BASE_OPTIONS, 'delay-millis': 'the pause (50)', chunking: 'frame, byte, … (frame)' },
  wellFormed: true,
  reply: (stage) => {
    if (!stage.streams) return stage.respond(baseReply(stage))
    const steps = stage.pacedSteps(stage.frames(baseReply(stage)))
    return stage.stream(stage.options.has('delayMillis') ? steps : steps.flatMap((step) => [{ waitMillis: 50 }, step]))
  },
}

/** A whole reply after a silence before the head, after it, or both. */
export const silent: Scenario = {
  name: 'silent',
  summary: 'silence before the head or before the first content, then a whole reply',
  options: {
    ...BASE_OPTIONS,
    'head-millis': 'before the head (0)',
    millis: 'between the head and the first frame (200)',
    pings: 'keep-alives meanwhile (0)',
  },
  wellFormed: true,
  reply: (stage) => {
    const reply = stage.respond(baseReply(stage))
    const pings = stage.streams ? stage.options.whole('pings', 0) : 0
    const wait = { waitMillis: stage.options.number('millis', 200) / (pings + 1) }
    const [first, ...rest] = reply.steps
    const opening = first === undefined ? [] : [first]
    const kept = Array.from({ length: pings }, () => [{ bytes: sse('ping', '{"type": "ping"}') }, wait]).flat()
    const silence = pings === 0 ? [wait, ...opening] : [...opening, wait, ...kept]
    return {
      ...reply,
      steps: [{ waitMillis: stage.options.number('headMillis', 0) }, { head: true }, ...silence, ...rest],
    }
  },
}

/** 200 with a body that is no answer at all. */
export const garbageJson: Scenario = {
  name: 'garbage-json',
  summary: '200 with a body that is not a message: html, half JSON or an empty one',
  options: { kind: 'html, broken or empty (html)' },
  wellFormed: false,
  reply: (stage) => {
    const kind = stage.options.text('kind', 'html')
    const body = kind === 'empty' ? '' : kind === 'broken' ? '{"type":"message","content":[{"ty' : '<html><body><h1>It works!</h1></body></html>'
    return {
      status: 200,
      headers: stage.headers(kind === 'html' ? 'text/html' : 'application/json'),
      steps: [{ bytes: body }],
    }
  },
}
