import type { LedgerEntry } from '@sluice/core'
import { randomUUID } from 'node:crypto'
import { request } from 'node:http'
import { fileURLToPath } from 'node:url'
import { startFixture, type FixtureProcess } from '../support/fixture-process.ts'
import { billingUpstream, billNanoUsd } from './billing-upstream.ts'
import { counter } from './counter.ts'
import { openStore } from './store.ts'

/** How a proof goes. */
export interface CrashOptions {
  /** `sqlite:PATH` or `postgres://…`, with its budgets defined. */
  readonly store: string
  /** How often the gateway is killed. */
  readonly kills: number
  readonly isLeased: boolean
  /** Requests that are under way at one time. */
  readonly clients: number
  readonly onRound?: (round: number) => void
}

/** What was found when all was over. */
export interface CrashFindings extends Comparison {
  /** Replies with status 200 that a client had whole. All but those whose settlement was under way at a kill are settled. */
  readonly served: number
}

/** A store's books beside those of its upstream. */
export interface Comparison {
  readonly kills: number
  /** Requests that the upstream took. */
  readonly billed: number
  /** Entries that a settlement wrote, and entries booked for exchanges that nobody settled. */
  readonly settled: number
  readonly booked: number
  /** Sentences about what is wrong; empty where the ledger equals the truth. */
  readonly faults: readonly string[]
  readonly spentNanoUsd: bigint
  readonly ledgerNanoUsd: bigint
  readonly heldNanoUsd: bigint
}

/** What one request of the proof may be reserved, at its `max_tokens` and the longest prompt. */
export const reservationNanoUsd: bigint = 1_000n * 20_000n + 2_000n * 5_000n

const process = fileURLToPath(new URL('./processes/gateway.ts', import.meta.url))
const holdMillis = 60_000
const random = (below: number): number => Math.floor(Math.random() * below)

/** Starts a gateway of the proof in a process of its own. */
export function startGateway(settings: { readonly store: string; readonly upstream: string; readonly isLeased: boolean }): Promise<FixtureProcess> {
  return startFixture({
    program: globalThis.process.execPath,
    args: ['--conditions=sluice-source', '--disable-warning=ExperimentalWarning', process],
    env: { SETTINGS: JSON.stringify({ ...settings, holdMillis }) },
  })
}

/** Asks a gateway to drain and end, and waits until it has. */
export async function endGateway({ child }: FixtureProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  await ended
}

/**
 * Kills a gateway under load, at random moments, again and again, and compares its books with the upstream's own: each request that the upstream took has exactly one entry,
 * settled at what the upstream billed, or booked as estimated at no less than the upstream had reported; nothing else has a settled one.
 */
export async function crashAndCompare({ store, kills, isLeased, clients, onRound }: CrashOptions): Promise<CrashFindings> {
  const upstream = await billingUpstream({ pauseMillis: () => random(8), frames: () => 1 + random(20) })
  const start = (): Promise<FixtureProcess> => startGateway({ store, upstream: upstream.url, isLeased })
  let served = 0
  for (let round = 0; round < kills; round += 1) {
    const gateway = await start()
    const load = loadOn(gateway.port, clients)
    // When it dies is told by what it has done, however slow the machine is: every second one as its first exchanges begin, the others when they have served more than is
    // under way at one time. A few milliseconds more move the kill within an exchange.
    await (round % 2 === 0 ? upstream.asked(random(clients + 1)) : load.answered(clients + 1 + random(2 * clients)))
    await new Promise((resolve) => setTimeout(resolve, random(20)))
    served += load.served()
    await gateway.stop()
    await load.stop()
    onRound?.(round)
  }
  const last = await start()
  const load = loadOn(last.port, clients)
  await load.answered(2 * clients)
  await load.finish()
  await endGateway(last)
  served += load.served()
  await upstream.close()
  return { ...(await compare(store, kills, upstream.bills)), served }
}

/** How replies ended, by status; 0 where there was none. */
export type Statuses = Map<number, number>

/** Clients under way. */
export interface Load {
  /** Resolves when so many replies with status 200 are over. */
  readonly answered: (count: number) => Promise<void>
  /** How many are. */
  readonly served: () => number
  readonly stop: () => Promise<void>
  readonly finish: () => Promise<void>
}

/** Clients that send one request after the other, each under a session of its own. */
export function loadOn(port: number, clients: number, statuses: Statuses = new Map()): Load {
  const load = { isOver: false }
  const served = counter()
  const under = new AbortController()
  const runs = Array.from({ length: clients }, async () => {
    while (!load.isOver) {
      const status = await sendOne(port, under.signal)
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
      if (status === 200) served.add()
    }
  })
  return {
    answered: served.reached,
    served: served.count,
    stop: async () => {
      load.isOver = true
      under.abort()
      await Promise.all(runs)
    },
    finish: async () => {
      load.isOver = true
      await Promise.all(runs)
    },
  }
}

/** Resolves with the status when the reply is over, however. */
export function sendOne(port: number, signal: AbortSignal, maxTokens: number = 1_000): Promise<number> {
  const body = JSON.stringify({
    model: 'claude-opus-5-5',
    max_tokens: maxTokens,
    stream: true,
    messages: [{ role: 'user', content: 'x'.repeat(random(4_000)) }],
  })
  return new Promise((resolve) => {
    const call = request(
      {
        host: '127.0.0.1',
        port,
        method: 'POST',
        path: '/v1/messages',
        signal,
        headers: {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
          'x-api-key': 'a-secret-of-ada-0001',
          'x-claude-code-session-id': randomUUID(),
          // Says what it is for, so that its settlement waits for nothing.
          'x-sluice-repository': 'acme/proof',
        },
      },
      (response) => {
        response.resume()
        response.once('close', () => resolve(response.statusCode ?? 0))
      },
    )
    call.once('error', () => resolve(0))
    call.end(body)
  })
}

/** Compares the books of a store with those of the upstream, once all that is still open has been booked. */
export async function compare(
  url: string,
  kills: number,
  bills: readonly { readonly session: string; readonly inputTokens: number; readonly outputTokens: number; readonly isFinished: boolean }[],
): Promise<Comparison> {
  const store = await openStore(url)
  try {
    const later = Date.now() + 3_600_000
    while ((await store.ledger.provisional?.recover(later, 500))?.length === 500);
    while ((await store.budgets.bookExpired(later, 500)).length === 500);
    const entries = new Map<string, LedgerEntry[]>()
    let settled = 0
    let booked = 0
    let ledgerNanoUsd = 0n
    for (const entry of await store.ledger.exchanges({ limit: 1_000_000 })) {
      const session = entry.attribution.session?.value ?? ''
      entries.set(session, [...(entries.get(session) ?? []), entry])
      ledgerNanoUsd += entry.cost.nanoUsd
      if (isBooked(entry)) booked += 1
      else settled += 1
    }
    const faults: string[] = []
    const billed = new Set(bills.map(({ session }) => session))
    for (const bill of bills) {
      const own = entries.get(bill.session) ?? []
      const [entry] = own
      if (own.length !== 1 || entry === undefined) faults.push(`${bill.session}: billed, and has ${own.length} entries`)
      else if (isBooked(entry) ? entry.cost.nanoUsd <= 0n : entry.outcome.kind === 'completed' && entry.cost.nanoUsd !== billNanoUsd(bill))
        faults.push(`${bill.session}: costs ${entry.cost.nanoUsd} in the ledger and ${billNanoUsd(bill)} at the upstream`)
    }
    for (const [session, [entry]] of entries)
      if (!billed.has(session) && entry !== undefined && !isBooked(entry) && entry.cost.nanoUsd !== 0n)
        faults.push(`${session}: never billed, and has a settled cost`)
    const [report] = await store.ledger.report({ groupBy: [] })
    if ((report?.costNanoUsd ?? 0n) !== ledgerNanoUsd) faults.push(`the report says ${report?.costNanoUsd}, its entries ${ledgerNanoUsd}`)
    const [balance] = await store.budgets.balances([{ account: 'all', bucket: 0, firstBucket: 0 }])
    return { kills, billed: bills.length, settled, booked, faults, spentNanoUsd: balance?.spent ?? 0n, heldNanoUsd: balance?.held ?? 0n, ledgerNanoUsd }
  } finally {
    await store.close()
  }
}

function isBooked({ outcome }: LedgerEntry): boolean {
  return outcome.error?.code === 'gateway-crashed'
}
