import type { LedgerEntry } from '@sluice/core'
import type { Rehearsal, RehearsalCall, ScriptedReply } from '@sluice/rehearsal'
import { setTimeout as sleep } from 'node:timers/promises'
import type { BehaviourRuntime, Capabilities } from '../runtimes/runtime.ts'
import { Client, type Answer, type Ask } from './client.ts'
import type { FixtureProcess } from './fixture-process.ts'

/** An entry as a fixture shows it: the amounts are strings. */
export type Settled = Omit<LedgerEntry, 'cost'> & { readonly cost: { readonly state: string; readonly nanoUsd: string } }

/** What a fixture tells of itself. */
export interface Account {
  readonly underWay: number
  readonly settlements: readonly Settled[]
  readonly faults: readonly { readonly code: string; readonly message: string; readonly cause: string }[]
}

/** A gateway under test on one runtime, with its upstream in this process. */
export class Target {
  readonly name: string
  readonly can: Capabilities
  readonly upstream: Rehearsal
  readonly fixture: FixtureProcess
  readonly client: Client
  /** Starts another of the same runtime, for cases that end one. */
  readonly startAnother: () => Promise<FixtureProcess>

  constructor(runtime: BehaviourRuntime, upstream: Rehearsal, fixture: FixtureProcess, startAnother: () => Promise<FixtureProcess>) {
    this.name = runtime.name
    this.can = runtime.can
    this.upstream = upstream
    this.fixture = fixture
    this.client = new Client(fixture.port, runtime.can.noticesClose ? 'close' : 'reset')
    this.startAnother = startAnother
  }

  ask(ask: Ask): Promise<Answer> {
    return this.client.ask(ask)
  }

  /** Lets the upstream answer every call with `reply`. */
  answer(reply: ScriptedReply | ((call: RehearsalCall) => ScriptedReply | Promise<ScriptedReply>)): void {
    this.upstream.script(typeof reply === 'function' ? reply : () => reply)
  }

  async account(): Promise<Account> {
    const { body } = await this.ask({ method: 'GET', path: '/__settlements' })
    return JSON.parse(body.toString()) as Account
  }

  /** Waits for so many settlements, and for nothing more to be under way. */
  async settled(count = 1): Promise<Account> {
    return eventually(
      () => this.account(),
      (account) => account.settlements.length >= count && account.underWay === 0,
      (account) => `${account.settlements.length} of ${count} settled, ${account.underWay} under way`,
    )
  }

  /** The only settlement. */
  async theSettlement(): Promise<Settled> {
    const { settlements } = await this.settled()
    if (settlements.length !== 1) throw new Error(`${settlements.length} exchanges were settled, not one`)
    return settlements[0] as Settled
  }

  /** The only call that the upstream got. */
  theCall(): RehearsalCall {
    const { calls } = this.upstream
    if (calls.length !== 1) throw new Error(`the upstream got ${calls.length} calls, not one`)
    return calls[0] as RehearsalCall
  }

  /** A clean slate before a case. */
  async reset(): Promise<void> {
    await this.settled(0)
    await this.ask({ method: 'DELETE', path: '/__settlements' })
    this.upstream.script()
    this.upstream.forget()
  }
}

/** Asks again until `isThere`; the limit is generous, because it only says that something never comes. */
export async function eventually<Value>(
  look: () => Value | Promise<Value>,
  isThere: (value: Value) => boolean,
  describe: (value: Value) => string = () => 'it did not come',
  limitMillis = 10_000,
): Promise<Value> {
  const until = Date.now() + limitMillis
  for (let pause = 2; ; pause = Math.min(pause * 2, 100)) {
    const value = await look()
    if (isThere(value)) return value
    if (Date.now() > until) throw new Error(`after ${limitMillis} ms: ${describe(value)}`)
    await sleep(pause)
  }
}
