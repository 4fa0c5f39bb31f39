import { bun } from './bun.ts'
import { deno, denoNode } from './deno.ts'
import { onNode } from './node.ts'
import type { BehaviourRuntime } from './runtime.ts'
import { workerd } from './workerd.ts'

export const runtimes: readonly BehaviourRuntime[] = [
  onNode('node:http', 'node-http.ts'),
  onNode('Express 4', 'express4.ts', { middleware: ['parse', 'compress'], addedReplyHeaders: ['date', 'x-powered-by'] }),
  onNode('Express 5', 'express5.ts', { middleware: ['parse', 'compress'], addedReplyHeaders: ['date', 'x-powered-by'] }),
  onNode('Fastify 5', 'fastify.ts'),
  onNode('Hono on @hono/node-server', 'hono.ts', {
    requestRepeats: 'joined',
    replyRepeats: 'joined',
    bodyOnGet: false,
    latinHeaders: false,
    escapedInTarget: '"<>`{}^|\'',
    middleware: ['parse'],
  }),
  bun,
  deno,
  denoNode,
  workerd,
]
