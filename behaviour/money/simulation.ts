import {
  attribute,
  authenticate,
  budget,
  checkBudget,
  createGateway,
  leasedBudgetBook,
  staticKeys,
  swapCredential,
  upkeep,
  type Budget,
  type BudgetBook,
  type Clock,
} from '@sluice/core'
import {
  clientRequest,
  collectingSink,
  manualClock,
  scriptedTransport,
  type ManualClock,
  type ScriptedReply,
  type ScriptStep,
  type TestClientRequest,
} from '@sluice/core/testing'
import { memoryBudgetBook } from '@sluice/storage-memory'
import { billNanoUsd } from './billing-upstream.ts'
import { bookOver, chance, ledgerOver, simulatedLedger, type Chance, type SimulatedLedger, type Wire } from './simulated-stores.ts'

/** What an upstream has of a request: what it has said that it costs, and to which process of the gateway. */
interface Bill {
  readonly session: string
  readonly process: number
  /** True where the ledger had it in writing when it was sent. */
  readonly wasOpened: boolean
  /** What it has reported and the gateway has taken. */
  inputTokens: number
  outputTokens: number
  isComplete: boolean
}

/** What all processes of one history share. */
interface World {
  readonly chance: Chance
  readonly clock: ManualClock
  readonly ledger: SimulatedLedger
  readonly book: BudgetBook
  readonly cap: Budget
  readonly isLeased: boolean
  readonly whenUnavailable: 'refuse' | 'allow'
  readonly bills: Map<string, Bill>
  readonly faults: string[]
  /** By exchange: what was granted, and what it was charged. */
  readonly reserved: Map<string, bigint>
  readonly charged: Map<string, bigint>
  troublePercent: number
  sessions: number
}

/** One process of the gateway: dropped with all that it remembers when it dies. */
interface Process {
  readonly number: number
  readonly clients: TestClientRequest[]
  readonly start: () => void
  readonly drain: () => Promise<void>
  readonly kill: () => void
  readonly settled: Promise<unknown>[]
}

const slot = { account: 'cap', bucket: 0, firstBucket: 0 }
const key = 'a-secret-of-ada-0001'
const maxTokens = 1_000
const frame = (type: string, fields: object): string => `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`

/** Everything that can settle by itself has. */
const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

async function advance({ clock }: World, millis: number): Promise<void> {
  clock.advance(millis)
  await turn()
}

function replyOf({ chance: { below, oneOf }, clock }: World, bill: Bill): ScriptedReply {
  const wait = (): Promise<void> => new Promise<void>((resolve) => void clock.after(below(600), resolve))
  const kind = oneOf(['whole', 'whole', 'whole', 'json', 'breaks', 'stalls', 'overloaded', 'unreachable'] as const)
  const inputTokens = 50 + below(2_000)
  const outputTokens = 10 + below(maxTokens)
  const beforeHead = wait
  if (kind === 'unreachable') return { beforeHead, failWith: new Error('reset') }
  if (kind === 'overloaded') {
    const body = '{"type":"error","error":{"type":"overloaded_error","message":"later"}}'
    return { beforeHead, status: 529, headers: [['content-type', 'application/json']], body: [body] }
  }
  const report = (input: number, output: number, isComplete: boolean) => (): void => {
    Object.assign(bill, { inputTokens: input, outputTokens: output, isComplete })
  }
  const message = {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'claude-opus-5-5',
    content: [],
    usage: { input_tokens: inputTokens, output_tokens: 1 },
  }
  if (kind === 'json') {
    const body = JSON.stringify({ ...message, stop_reason: 'end_turn', usage: { input_tokens: inputTokens, output_tokens: outputTokens } })
    return { beforeHead, headers: [['content-type', 'application/json']], body: [body, report(inputTokens, outputTokens, true)] }
  }
  const delta = frame('content_block_delta', { index: 0, delta: { type: 'text_delta', text: 'x'.repeat(30) } })
  const whole: ScriptStep[] = [frame('message_start', { message }), report(inputTokens, 1, false), wait, delta.repeat(20), wait]
  whole.push(frame('message_delta', { delta: { stop_reason: 'end_turn' }, usage: { output_tokens: outputTokens } }), report(inputTokens, outputTokens, false))
  whole.push(wait, frame('message_stop', {}), report(inputTokens, outputTokens, true))
  const body = kind === 'whole' ? whole : whole.slice(0, below(whole.length))
  return {
    beforeHead,
    headers: [['content-type', 'text/event-stream']],
    body,
    ...(kind === 'breaks' && { breakWith: new Error('reset') }),
    ...(kind === 'stalls' && { hang: 'after-body' as const }),
  }
}

/** Notes what the middleware is granted, and what it charges. */
function noting({ reserved, charged }: World, book: BudgetBook): BudgetBook {
  return {
    ...book,
    reserve: async (reservation) => {
      const result = await book.reserve(reservation)
      const id = reservation.holdId.split('+')[0] as string
      if (result.isGranted) reserved.set(id, (reserved.get(id) ?? 0n) + (reservation.claims[0]?.amount ?? 0n))
      return result
    },
    settle: (settlements) => {
      for (const { holdId, charges } of settlements) if (charges[0] !== undefined) charged.set(holdId, charges[0].amount)
      return book.settle(settlements)
    },
  }
}

function startProcess(world: World, number: number): Process {
  const { chance: dice, clock: time, ledger, book, bills, faults, isLeased, whenUnavailable } = world
  let isAlive = true
  const clock: Clock = { now: time.now, after: (millis, callback) => time.after(millis, () => void (isAlive && callback())) }
  const wire: Wire = {
    chance: dice,
    troublePercent: () => world.troublePercent,
    isAlive: () => isAlive,
    after: (millis, callback) => void time.after(millis, callback),
  }
  const onFault = ({ code }: { readonly code: string }): void => void faults.push(code)
  let ids = 0
  const newId = (): string => `ex_${number}_${(ids += 1)}`
  const reached = bookOver(wire, book)
  const leased = isLeased ? leasedBudgetBook({ book: reached, clock, owner: `owner ${number}`, hotClaims: 1, leasePercent: 5 }) : undefined
  const transport = scriptedTransport((request) => {
    const session = request.headers.find(([name]) => name.toLowerCase() === 'x-claude-code-session-id')?.[1] ?? ''
    const wasOpened = [...ledger.opened.values()].some(({ entry }) => entry.attribution.session?.value === session)
    const bill: Bill = { session, process: number, wasOpened, inputTokens: 0, outputTokens: 0, isComplete: false }
    if (bills.has(session)) faults.push('asked-twice')
    bills.set(session, bill)
    return replyOf(world, bill)
  })
  const guard = budget(noting(world, leased ?? reached), { clock, onFault, whenUnavailable, holdMillis: 60_000, queueMillis: 3_000, refreshMillis: 1_000 })
  const books = upkeep({ ledger: ledgerOver(wire, ledger), budgets: reached, clock, everyMillis: 5_000, answerMillis: 5_000, onFault })
  const gateway = createGateway({
    runtime: { transport },
    upstreams: [
      {
        name: 'anthropic',
        baseUrl: 'https://api.anthropic.com',
        credential: swapCredential('sk-upstream'),
        deadlines: { headMillis: 20_000, idleMillis: 20_000 },
      },
    ],
    host: { clock, newId, onFault },
  })
    .use(authenticate(staticKeys([{ developer: 'ada', secret: key }])))
    .use(attribute({ clock }))
    .use(guard)
    .record(ledgerOver(wire, ledger))
  const clients: TestClientRequest[] = []
  const settled: Promise<unknown>[] = []
  return {
    number,
    clients,
    settled,
    start: () => {
      world.sessions += 1
      const session = `00000000-0000-4000-8000-${String(world.sessions).padStart(12, '0')}`
      const request = clientRequest({
        headers: [
          ['x-api-key', key],
          ['x-claude-code-session-id', session],
          ['x-sluice-repository', 'acme/proof'],
        ],
        json: { model: 'claude-opus-5-5', max_tokens: maxTokens, stream: true, messages: [{ role: 'user', content: 'x'.repeat(dice.below(3_000)) }] },
      })
      clients.push(request)
      settled.push(gateway.handle(request, collectingSink()))
    },
    drain: async () => {
      await gateway.drain(2_000)
      await guard.flush()
      await Promise.race([leased?.stop().catch(() => undefined), new Promise<void>((resolve) => void clock.after(5_000, resolve))])
      await books.stop()
    },
    kill: () => {
      isAlive = false
    },
  }
}

/** Faults told in a history, for statistics, and sentences about what is wrong. */
export interface Findings {
  readonly wrong: readonly string[]
  readonly billed: number
  readonly crashes: number
  readonly recovered: number
}

/** Plays one history: clients, an upstream, stores in trouble, and deaths of the gateway, all from one seed. */
export async function playHistory(seed: number): Promise<Findings> {
  const dice = chance(seed)
  const clock = manualClock()
  const isStrict = dice.percent(40)
  const cap = checkBudget({
    id: 'cap',
    subject: { key: 'static:ada' },
    unit: 'nano-usd',
    amount: BigInt(50_000_000 + dice.below(300_000_000)),
    window: { kind: 'total' },
    isStrict,
    action: dice.oneOf(['block', 'cut', 'queue']),
    createdAt: 0,
  })
  const book = memoryBudgetBook({ clock })
  await book.define(cap)
  const world: World = {
    chance: dice,
    clock,
    ledger: simulatedLedger(),
    book,
    cap,
    isLeased: dice.percent(30),
    whenUnavailable: dice.percent(25) ? 'allow' : 'refuse',
    bills: new Map(),
    faults: [],
    reserved: new Map(),
    charged: new Map(),
    troublePercent: 0,
    sessions: 0,
  }
  const wrong: string[] = []
  const mayDie = dice.percent(60)
  let crashes = 0
  let process = startProcess(world, 0)
  const died = new Set<number>()
  const die = (): void => {
    process.kill()
    died.add(process.number)
    crashes += 1
    process = startProcess(world, crashes)
  }
  for (let step = 10 + dice.below(20); step > 0; step -= 1) {
    if (dice.percent(45)) process.start()
    if (dice.percent(12)) (dice.oneOf(process.clients) as TestClientRequest | undefined)?.leave()
    if (dice.percent(15)) world.troublePercent = dice.oneOf([0, 0, 30, 100])
    if (mayDie && dice.percent(6)) die()
    for (let part = dice.below(4); part >= 0; part -= 1) await advance(world, dice.below(400))
    const [balance] = await book.balances([slot])
    if (balance === undefined || balance.held < 0n || balance.spent < 0n) wrong.push(`a balance of ${balance?.spent} and ${balance?.held} held`)
    if (isStrict && world.whenUnavailable === 'refuse' && balance !== undefined && balance.spent + balance.held > cap.amount)
      wrong.push('a strict cap was passed')
  }
  const isLastStopTroubled = dice.percent(15)
  if (!isLastStopTroubled) {
    world.troublePercent = 0
    for (let second = 0; second < 45; second += 1) await advance(world, 1_000)
  }
  const end = { isReached: false }
  const drained = process.drain().then(() => (end.isReached = true))
  for (let second = 0; second < 90 && !end.isReached; second += 1) await advance(world, 1_000)
  if (end.isReached) await Promise.all([drained, ...process.settled])
  else wrong.push('the gateway did not end')
  process.kill()
  if (isLastStopTroubled) died.add(process.number)
  await recoverAll(world)
  return {
    wrong: [...wrong, ...(await faultsOf(world, died))],
    billed: world.bills.size,
    crashes,
    recovered: [...world.ledger.kept.values()].filter(({ isRecovered }) => isRecovered).length,
  }
}

async function recoverAll({ clock, ledger, book }: World): Promise<void> {
  clock.advance(20_000)
  await turn()
  const later = clock.now() + 3_600_000
  await ledger.provisional.recover(later, Infinity)
  await book.bookExpired(later, Infinity)
}

/** Compares the books with what the upstream has, and with each other. */
async function faultsOf(
  { bills, ledger, book, cap, whenUnavailable, faults, reserved, charged }: World,
  died: ReadonlySet<number>,
): Promise<readonly string[]> {
  const wrong: string[] = []
  const found = new Map<string, { cost: bigint; count: number; kind: string; isRecovered: boolean }>()
  let ledgerNanoUsd = 0n
  let leastNanoUsd = 0n
  for (const { entry, isRecovered } of ledger.kept.values()) {
    const session = entry.attribution.session?.value ?? ''
    found.set(session, { cost: entry.cost.nanoUsd, count: (found.get(session)?.count ?? 0) + 1, kind: entry.outcome.kind, isRecovered })
    ledgerNanoUsd += entry.cost.nanoUsd
    const bill = bills.get(session)
    const said = bill === undefined ? 0n : billNanoUsd(bill)
    leastNanoUsd += isRecovered && said < entry.cost.nanoUsd ? said : entry.cost.nanoUsd
    if (bill === undefined && !isRecovered && entry.cost.nanoUsd > 0n) wrong.push(`${entry.exchangeId} was never sent, and has a cost`)
  }
  for (const bill of bills.values()) {
    const entry = found.get(bill.session)
    const mayBeLost = died.has(bill.process) && !bill.wasOpened
    if (entry === undefined ? !mayBeLost : entry.count !== 1) wrong.push(`${bill.session} was sent, and has ${entry?.count ?? 0} entries`)
    if (entry === undefined || entry.isRecovered) continue
    const said = billNanoUsd(bill)
    if (entry.kind === 'completed' ? entry.cost !== said : entry.cost < said) wrong.push(`${bill.session} costs ${entry.cost} and was said to cost ${said}`)
  }
  const [{ spent, held } = { spent: 0n, held: 0n }] = await book.balances([slot])
  if (held !== 0n) wrong.push(`${held} stays held`)
  const isLost = faults.includes('budget-charge-lost')
  if (died.size === 0 && !isLost && spent !== ledgerNanoUsd) wrong.push(`the budget has ${spent}, the ledger ${ledgerNanoUsd}`)
  if (whenUnavailable === 'refuse') {
    if (spent < leastNanoUsd) wrong.push(`the budget has ${spent}, less than the ${leastNanoUsd} of the ledger`)
    const hardCap = cap.isStrict ? cap.amount : (cap.amount * 110n) / 100n
    const beyond = [...charged].reduce((sum, [id, amount]) => sum + (amount > (reserved.get(id) ?? 0n) ? amount - (reserved.get(id) ?? 0n) : 0n), 0n)
    if (spent > hardCap + beyond) wrong.push(`${spent} is spent: beyond ${hardCap} by more than the ${beyond} that reservations fell short`)
  }
  if (faults.includes('asked-twice')) wrong.push('one request was sent twice')
  return wrong
}
