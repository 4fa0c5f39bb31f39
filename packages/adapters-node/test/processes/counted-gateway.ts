import {
  attribute,
  authenticate,
  budget,
  checkBudget,
  createGateway,
  rateLimit,
  staticKeys,
  swapCredential,
  systemClock,
  type Clock,
  type Outcome,
} from '@sluice/core'
import { memoryBudgetBook, memoryLedger, memoryRateBook } from '@sluice/storage-memory'
import type { EventEmitter } from 'node:events'
import { nodeRuntime, serve } from '../../src/index.ts'

/** A gateway with keys, limits, a budget and a ledger in a process of its own, which counts what exchanges leave behind. Answers `account` over IPC. */
const upstream = process.argv[2] as string

let timers = 0
const clock: Clock = {
  now: systemClock.now,
  after: (delayMillis, callback) => {
    timers += 1
    let isOver = false
    const end = (): void => {
      if (!isOver) timers -= 1
      isOver = true
    }
    const cancel = systemClock.after(delayMillis, () => {
      end()
      callback()
    })
    return () => {
      end()
      cancel()
    }
  },
}
const faults: string[] = []
const warnings: string[] = []
process.on('warning', ({ name, message }) => warnings.push(`${name}: ${message}`))
const book = memoryBudgetBook({ clock })
const rates = memoryRateBook()
await book.define(
  checkBudget({ id: 'cap', subject: { key: 'static:ada' }, unit: 'nano-usd', amount: 10n ** 15n, window: { kind: 'total' }, createdAt: clock.now() }),
)
const outcomes: { [Kind in Outcome['kind']]?: number } = {}
const ledger = memoryLedger({ maxEntries: 100 })
const gateway = createGateway({
  runtime: nodeRuntime(),
  upstreams: [{ name: 'scripted', baseUrl: upstream, credential: swapCredential('sk-ant-upstream') }],
  host: { clock, onFault: ({ code, message }) => void faults.push(`${code}: ${message}`) },
})
  .use({
    name: 'count',
    handle: (exchange, next) => {
      exchange.onSettled(({ outcome: { kind } }) => {
        outcomes[kind] = (outcomes[kind] ?? 0) + 1
      })
      return next({})
    },
  })
  .use(authenticate(staticKeys([{ developer: 'ada', secret: 'a-secret-of-no-worth' }])))
  .use(attribute({ clock }))
  .use(rateLimit({ book: rates, clock }))
  .use(budget(book, { clock }))
  .record(ledger)
const { url, server } = await serve(gateway, { port: 0 })

const listenersOf = (emitter: EventEmitter): number => emitter.eventNames().reduce((sum, name) => sum + emitter.listenerCount(name), 0)

async function account(): Promise<object> {
  await book.prune(Infinity)
  await rates.prune(Infinity)
  globalThis.gc?.()
  globalThis.gc?.()
  const [balance] = await book.balances([{ account: 'cap', bucket: 0, firstBucket: 0 }])
  return {
    underWay: gateway.underWay,
    heldNanoUsd: String(balance?.held),
    timers,
    sockets: process.getActiveResourcesInfo().filter((resource) => resource === 'TCPSocketWrap').length,
    listeners: listenersOf(server) + listenersOf(process),
    heapBytes: process.memoryUsage().heapUsed,
    outcomes,
    faults,
    warnings,
  }
}
process.on('message', () => void account().then((answer) => process.send?.(answer)))
process.send?.({ url })
