import { amountsOf, type UnitAmounts } from '../budget/amounts.ts'
import type { BudgetPot } from '../budget/accounts.ts'
import { BudgetDesk, budgetUnavailable, chargesOf } from '../budget/budget-desk.ts'
import { ChargeJournal } from '../budget/charge-journal.ts'
import { isFree } from '../budget/free-routes.ts'
import { Hold } from '../budget/hold.ts'
import { overrunGate } from '../budget/overrun-gate.ts'
import { potStatus } from '../budget/pot-status.ts'
import { spendFacts } from '../budget/spend-facts.ts'
import type { BudgetStatus } from '../budget/status.ts'
import type { SpendFacts } from '../budget/subjects.ts'
import { ThresholdWatch, type ThresholdPassed } from '../budget/threshold-watch.ts'
import { budgetRefusal, standingHeaders, tightest, unifiedPrefix } from '../budget/told.ts'
import type { Settlement } from '../entry/settlement.ts'
import { GatewayError, type Fault } from '../errors.ts'
import type { Exchange, SpendEstimate } from '../exchange/exchange.ts'
import { promptEstimates } from '../exchange/prompt-estimates.ts'
import { systemClock, type Clock } from '../host.ts'
import type { UsageReport } from '../meter/usage.ts'
import type { Balance, BudgetBook, BudgetCharge, ReservationResult } from '../ports/budget-book.ts'
import { allowsModel } from '../ports/model-patterns.ts'
import type { Middleware } from './middleware.ts'

/** What {@link budget} adds. */
export interface WithBudget {
  readonly budget: BudgetVerdict
}

/** How the budgets that cover an exchange stand, its own reservation included. */
export interface BudgetVerdict {
  readonly statuses: readonly BudgetStatus[]
  /** True where a budget whose action is `downgrade` is used up: the router is asked to choose something cheaper. */
  readonly mustDowngrade: boolean
}

/** Options of {@link budget}. */
export interface BudgetOptions {
  /** @defaultValue systemClock */
  readonly clock?: Clock
  /** Told of outages of the book, and of what they cost. @defaultValue dropped */
  readonly onFault?: (fault: Fault) => void
  /** Told once per window when spend passes a threshold, by one replica. @defaultValue dropped */
  readonly onThreshold?: (passed: ThresholdPassed) => void
  /** How old the list of budgets may be. @defaultValue 5000 */
  readonly refreshMillis?: number
  /** A book that takes longer is out. @defaultValue 2000 */
  readonly answerMillis?: number
  /** What an exchange is to do while the book is out: be refused (503), or go on and be charged afterwards. @defaultValue 'refuse' */
  readonly whenUnavailable?: 'refuse' | 'allow'
  /** A hold that nobody has settled by then counts as spent; its settlement, if it comes, puts that right. @defaultValue 900000 */
  readonly holdMillis?: number
  /** How long an exchange waits for room in a budget whose action is `queue`. @defaultValue 30000 */
  readonly queueMillis?: number
  /** Settlements that wait in memory while the book is out. @defaultValue 10000 */
  readonly journalCharges?: number
  /**
   * What becomes of requests that may cost something and report no usage to the gateway where a budget covers the caller: all but `POST /v1/messages`, reading,
   * token counts and files. @defaultValue 'refuse'
   */
  readonly unaccountedRoutes?: 'refuse' | 'allow'
}

export const defaultBudgetOptions: {
  readonly refreshMillis: number
  readonly answerMillis: number
  readonly whenUnavailable: 'refuse' | 'allow'
  readonly holdMillis: number
  readonly queueMillis: number
  readonly journalCharges: number
  readonly unaccountedRoutes: 'refuse' | 'allow'
} = Object.freeze({
  refreshMillis: 5_000,
  answerMillis: 2_000,
  whenUnavailable: 'refuse',
  holdMillis: 900_000,
  queueMillis: 30_000,
  journalCharges: 10_000,
  unaccountedRoutes: 'refuse',
})

/** The middleware, and what to do at shutdown. */
export interface BudgetMiddleware extends Middleware<object, WithBudget> {
  /** Delivers settlements that wait for the book; after `drain`. Resolves with how many still do. */
  readonly flush: () => Promise<number>
}

/** How often an exchange that queues asks again. */
const queueStepMillis = 250
/** What estimates and budgets go by: of a repeated one the upstream might take another than the gateway does. */
const priced: readonly string[] = ['model', 'max_tokens', 'speed', 'inference_geo']

/**
 * Holds spend to its budgets: reserves before an exchange is sent, settles with what it came to, gives back what failed. All budgets that cover it must have room.
 * Before a target is asked for another model than the client named, that model's price is held, too, and the budgets that count it are asked; where one has no room, that
 * target is left out. To stand after `authenticate()` and `attribute()`. Asks nothing of `count_tokens` and other routes that cost nothing.
 *
 * What may be overshot: a reservation is an estimate (see `Exchange.estimate`), so a hard line can be passed by the sum, over the exchanges under way when it is reached, of what each
 * costs beyond its reservation; each of those by no more than its `max_tokens` and its prompt. With the action `cut` streams end where their reservation does and cannot
 * grow. A strict budget reserves the most that an exchange can cost, so it is not overshot but by what server tools read.
 */
export function budget(book: BudgetBook, options: BudgetOptions = {}): BudgetMiddleware {
  const desk = new Budgeting(book, options)
  return {
    name: 'budget',
    adds: ['budget'],
    estimates: promptEstimates(),
    handle: (exchange, next) => desk.handle(exchange, next),
    flush: () => desk.flush(),
  }
}

type Handle = Middleware<object, WithBudget>['handle']

const none: BudgetVerdict = { statuses: [], mustDowngrade: false }

class Budgeting {
  readonly #clock: Clock
  readonly #onFault: (fault: Fault) => void
  readonly #settings: typeof defaultBudgetOptions
  readonly #desk: BudgetDesk
  readonly #journal: ChargeJournal
  readonly #thresholds: ThresholdWatch

  constructor(book: BudgetBook, options: BudgetOptions) {
    const { clock = systemClock, onFault = () => undefined, onThreshold = () => undefined, ...rest } = options
    this.#clock = clock
    this.#onFault = onFault
    this.#settings = { ...defaultBudgetOptions, ...rest }
    const { refreshMillis, answerMillis, journalCharges } = this.#settings
    this.#desk = new BudgetDesk({ book, clock, onFault, refreshMillis, answerMillis })
    this.#journal = new ChargeJournal({ book, clock, onFault, maxCharges: journalCharges })
    this.#thresholds = new ThresholdWatch({ book, onThreshold, onFault })
  }

  flush(): Promise<number> {
    return this.#journal.flush()
  }

  handle: Handle = async (exchange, next) => {
    const { method, target } = exchange
    if (method !== 'POST' || target.path !== '/v1/messages') {
      if (!isFree(method, target.path)) await this.#checkUnaccounted(exchange)
      return next({ budget: none })
    }
    const body = await exchange.body()
    const model = body.string('model')
    const repeated = priced.find((name) => body.members(name).length > 1)
    const pots = await this.#pots(exchange, repeated !== undefined ? { isAnyModel: true } : model === undefined ? {} : { model })
    if (pots === undefined) {
      exchange.onSettled((settlement) => this.#chargeAfterwards(exchange, model, settlement))
      return next({ budget: none })
    }
    if (pots.length > 0 && repeated !== undefined) throw ambiguous(repeated)
    const holds: Hold[] = []
    exchange.checkTargets((target) => (target.model === model ? Promise.resolve() : this.#checkTarget(exchange, target.model, holds)))
    return next({ budget: pots.length === 0 ? none : await this.#admit(exchange, pots, model ?? 'unknown', holds) })
  }

  /** @throws GatewayError where a budget covers the caller, of whatever model */
  async #checkUnaccounted(exchange: Exchange): Promise<void> {
    if (this.#settings.unaccountedRoutes === 'allow') return
    const pots = await this.#pots(exchange, { isAnyModel: true })
    if (pots !== undefined && pots.length > 0) throw unaccountable()
  }

  /** Undefined where the book is out and exchanges may go on without. */
  async #pots(exchange: Exchange, asked: Pick<SpendFacts, 'model' | 'isAnyModel'>): Promise<readonly BudgetPot[] | undefined> {
    try {
      return await this.#desk.pots({ ...spendFacts(exchange.context, undefined), ...asked }, exchange.startedAt)
    } catch {
      if (this.#settings.whenUnavailable === 'allow') return undefined
      throw budgetUnavailable()
    }
  }

  async #admit(exchange: Exchange, pots: readonly BudgetPot[], model: string, holds: Hold[]): Promise<BudgetVerdict> {
    const hold = new Hold(exchange.id, pots, amountsFor(pots, await exchange.estimate()))
    holds.push(hold)
    exchange.onSettled((settlement) => this.#settle(hold, pots, settlement))
    const result = await this.#reserve(exchange, hold)
    await this.#guard(exchange, hold, model)
    if (result === undefined) return none
    const statuses = pots.map((pot, index) => potStatus(pot, result.balances[index] as Balance))
    exchange.dropReplyHeaders(unifiedPrefix)
    for (const [name, value] of standingHeaders(tightest(statuses) as BudgetStatus, this.#clock.now())) exchange.setReplyHeader(name, value)
    return { statuses, mustDowngrade: statuses.some((status) => status.budget.action === 'downgrade' && status.utilization >= 1) }
  }

  /**
   * Before a target is asked for another model: its price is held where the model's that was asked for is, and in the budgets that count only this one. Those count what it
   * came to if it is this model that answers.
   *
   * @throws GatewayError where a budget has no room for it
   */
  async #checkTarget(exchange: Exchange, model: string, holds: Hold[]): Promise<void> {
    const estimate = (await exchange.estimate()).withModel(model)
    const covering = (await this.#pots(exchange, { model })) ?? []
    const held = holds.filter(({ state }) => state === 'held')
    for (const hold of held) {
      const amounts = amountsFor(hold.pots, estimate)
      const refusal = hold.covers(amounts) ? undefined : await this.#extend(hold, amounts, false)
      if (refusal !== undefined) throw refusal
    }
    const pots = covering.filter((pot) => !held.some((hold) => hold.pots.some((other) => other.account === pot.account)))
    if (pots.length === 0) return
    const hold = new Hold(`${exchange.id}@${holds.length}`, pots, amountsFor(pots, estimate))
    holds.push(hold)
    exchange.onSettled((settlement) => {
      const { resolvedModel = '' } = settlement
      const counting = pots.filter(({ budget: { subject } }) => subject.model === undefined || allowsModel([subject.model], resolvedModel))
      return this.#settle(hold, counting, settlement)
    })
    await this.#reserve(exchange, hold)
    await this.#guard(exchange, hold, model)
  }

  /** Reserves, waiting in line where a budget says so. Undefined where the book is out and the exchange may go on. @throws GatewayError at the line */
  async #reserve(exchange: Exchange, hold: Hold): Promise<ReservationResult | undefined> {
    const { pots, holdId } = hold
    const { holdMillis, queueMillis, whenUnavailable } = this.#settings
    const giveUpAt = this.#clock.now() + queueMillis
    for (;;) {
      const now = this.#clock.now()
      // An answer that nobody hears may be a yes, the second time too.
      hold.state = 'asking'
      let result: ReservationResult
      try {
        result = await this.#desk.reserve(holdId, pots, hold.reserved, now + holdMillis)
      } catch {
        if (whenUnavailable === 'allow') return undefined
        throw budgetUnavailable()
      }
      hold.state = result.isGranted ? 'held' : 'refused'
      if (result.isGranted) return result
      const full = result.refused.map((index) => potStatus(pots[index] as BudgetPot, result.balances[index] as Balance))
      const mayWait = full.every((status) => status.budget.action === 'queue') && now < giveUpAt
      if (!mayWait) throw budgetRefusal(tightest(full) as BudgetStatus, now)
      await this.#pause(exchange.signal)
    }
  }

  /** @throws what the exchange was aborted with, when its client leaves the line */
  #pause(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        cancel()
        reject(signal.reason)
      }
      const cancel = this.#clock.after(queueStepMillis, () => {
        signal.removeEventListener('abort', onAbort)
        resolve()
      })
      if (signal.aborted) onAbort()
      else signal.addEventListener('abort', onAbort, { once: true })
    })
  }

  /** Where a budget must not be passed, watches what the stream comes to: what is beyond the reservation is reserved as well, or the stream is cut. */
  async #guard(exchange: Exchange, hold: Hold, requestedModel: string): Promise<void> {
    if (!hold.pots.some((pot) => pot.budget.isStrict || pot.budget.action === 'cut')) return
    const requestBytes = (await exchange.body()).length
    const onUsage = (usage: UsageReport): Promise<GatewayError | undefined> | undefined => {
      const used = amountsOf({ usage, cost: exchange.price(usage) })
      return hold.covers(used) ? undefined : this.#extend(hold, used, true)
    }
    exchange.gate(overrunGate({ requestedModel, requestBytes, onUsage }))
  }

  async #extend(hold: Hold, used: UnitAmounts, isGrowing: boolean): Promise<GatewayError | undefined> {
    const now = this.#clock.now()
    const { holdId, amounts } = hold.extension(used, isGrowing)
    try {
      const result = await this.#desk.reserve(holdId, hold.pots, amounts, now + this.#settings.holdMillis)
      if (!result.isGranted) {
        const full = result.refused.map((index) => potStatus(hold.pots[index] as BudgetPot, result.balances[index] as Balance))
        return budgetRefusal(tightest(full) as BudgetStatus, now)
      }
      hold.extended(amounts)
      return undefined
    } catch {
      void this.#journal.release(holdId)
      return this.#settings.whenUnavailable === 'allow' ? undefined : budgetUnavailable()
    }
  }

  /** `counting`: those of the hold's pots that what it came to belongs to. */
  async #settle(hold: Hold, counting: readonly BudgetPot[], { usage, cost }: Settlement): Promise<void> {
    // Refused calls are neither billed nor counted, and cost no write.
    if (hold.state === 'refused') return
    const charges = usage.source === 'none' ? [] : chargesOf(counting, amountsOf({ usage, cost }))
    // What it came to first: for a moment it may count twice, never not at all.
    await Promise.all([this.#charge(hold.holdId, counting, charges), ...hold.extensions.map((holdId) => this.#journal.release(holdId))])
  }

  #charge(holdId: string, pots: readonly BudgetPot[], charges: readonly BudgetCharge[]): Promise<void> {
    const onBalances = (balances: readonly Balance[]): void => {
      for (const [index, balance] of balances.entries()) void this.#thresholds.look(pots[index] as BudgetPot, balance)
    }
    return this.#journal.settle({ holdId, charges, onBalances })
  }

  /** Charges an exchange that went on when it was not known which budgets cover it. */
  async #chargeAfterwards(exchange: Exchange, model: string | undefined, { usage, cost }: Settlement): Promise<void> {
    if (usage.source === 'none') return
    try {
      const pots = await this.#desk.pots(spendFacts(exchange.context, model), exchange.startedAt)
      if (pots.length > 0) await this.#charge(exchange.id, pots, chargesOf(pots, amountsOf({ usage, cost })))
    } catch (cause) {
      const message = 'no budget was charged with an exchange: the budget book was out from before it began until it had ended'
      this.#onFault({ code: 'budget-charge-lost', message, exchangeId: exchange.id, source: 'budget', cause })
    }
  }
}

/** What a request is to have reserved: what it will probably come to, or in a strict budget the most. */
function amountsFor(pots: readonly BudgetPot[], estimate: SpendEstimate): UnitAmounts {
  return amountsOf(pots.some(({ budget: { isStrict } }) => isStrict) ? estimate.most() : estimate.likely)
}

function ambiguous(name: string): GatewayError {
  return new GatewayError('malformed-body', `The request has more than one "${name}", so its budget cannot tell what it is to cost. Send one.`)
}

function unaccountable(): GatewayError {
  return new GatewayError(
    'refused',
    'This route reports no usage that the gateway could count against your budget, so it is not allowed. Use /v1/messages, or ask the operator to allow it.',
  )
}
