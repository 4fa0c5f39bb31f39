import { openContext, type ContextParts } from './case-context.ts'
import { GROUPS, type ConformanceCase, type Verdict } from './case.ts'
import { totalsOf, type CaseReport, type SuiteReport } from './report.ts'
import { capabilitiesOf, type BudgetSetUp, type Target } from './target.ts'
import { pause, Unmet, within } from './unmet.ts'
import { json, messageBody, plainMessage } from './upstream/replies.ts'
import type { ScriptedUpstream } from './upstream/scripted-upstream.ts'
import { SUITE } from './version.ts'

/** What to run, and against what. */
export interface SuiteOptions {
  readonly target: Target
  /** What the gateway under test forwards to. The caller starts it before the gateway and closes it after. */
  readonly upstream: ScriptedUpstream
  readonly cases: readonly ConformanceCase[]
  /** How long something may take that has to happen. @defaultValue 5000 */
  readonly patienceMillis?: number
  /** How long is waited for what must not happen. @defaultValue 250 */
  readonly graceMillis?: number
  /** How long one case may take in all. @defaultValue 60000 */
  readonly caseMillis?: number
  /** How long is waited, over the whole run, for a gateway that rests the upstream after faults. @defaultValue 90000 */
  readonly recoveryMillis?: number
  /** Told of each case as it ends, in order. */
  readonly onCase?: (report: CaseReport, done: number, total: number) => void
  /** Epoch milliseconds. @defaultValue the system's clock */
  readonly now?: () => number
}

/** The defaults of {@link SuiteOptions}. */
export const SUITE_DEFAULTS: { readonly patienceMillis: number; readonly graceMillis: number; readonly caseMillis: number; readonly recoveryMillis: number } =
  Object.freeze({
    patienceMillis: 5000,
    graceMillis: 250,
    caseMillis: 60_000,
    recoveryMillis: 90_000,
  })

/**
 * Runs cases against a gateway, one after the other, and resolves with what was found. Never rejects for what the gateway does.
 */
export async function runSuite(options: SuiteOptions): Promise<SuiteReport> {
  const now = options.now ?? Date.now
  const settings = { ...SUITE_DEFAULTS, ...withoutUndefined(options) }
  const capabilities = capabilitiesOf(options.target)
  const budget = once(options.target.prepareBudget)
  const parts: ContextParts = {
    target: options.target,
    upstream: options.upstream,
    patienceMillis: settings.patienceMillis,
    graceMillis: settings.graceMillis,
    budget,
  }
  const startedAt = now()
  let recoveryLeft = settings.recoveryMillis
  const cases: CaseReport[] = []
  const ordered = options.cases.toSorted((one, other) => GROUPS.indexOf(one.group) - GROUPS.indexOf(other.group))
  for (const each of ordered) {
    const missing = (each.needs ?? []).filter((capability) => !capabilities.has(capability))
    const began = now()
    const verdict: Verdict =
      missing.length > 0 ? { verdict: 'skip', detail: `the target is not set up for: ${missing.join(', ')}` } : await runCase(each, parts, settings.caseMillis)
    const { id, group, title, requirement, source, severity } = each
    const detail = verdict.verdict === 'pass' ? {} : { detail: verdict.detail }
    const report: CaseReport = { id, group, title, requirement, source, severity, verdict: verdict.verdict, ...detail, millis: now() - began }
    cases.push(report)
    options.onCase?.(report, cases.length, ordered.length)
    if (each.disturbs === true && verdict.verdict !== 'skip') {
      const since = now()
      await recovered(parts, since + recoveryLeft, now)
      recoveryLeft -= now() - since
    }
  }
  const { url, name = 'gateway', version = null } = options.target
  return {
    suite: SUITE,
    target: { name, version, url },
    startedAt: new Date(startedAt).toISOString(),
    millis: now() - startedAt,
    totals: totalsOf(cases),
    cases,
  }
}

async function runCase(each: ConformanceCase, parts: ContextParts, caseMillis: number): Promise<Verdict> {
  const { context, faults, close } = openContext(parts)
  try {
    const verdict = await within(caseMillis, each.run(context), 'the case')
    const fault = faults()[0]
    if (verdict.verdict === 'pass' && fault !== undefined)
      return { verdict: 'error', detail: `the upstream's script failed: ${fault instanceof Error ? fault.message : JSON.stringify(fault)}` }
    return verdict
  } catch (error) {
    return error instanceof Unmet ? { verdict: 'fail', detail: error.message } : { verdict: 'error', detail: String(error) }
  } finally {
    await close()
  }
}

/** Waits until the gateway forwards again: one that keeps a failing upstream from being asked is within its rights, for a while. */
async function recovered(parts: ContextParts, deadline: number, now: () => number): Promise<void> {
  for (;;) {
    const { context, close } = openContext(parts)
    try {
      const lane = context.lane(json(plainMessage()))
      const reply = await context.send({ lane: lane.id, body: messageBody(lane.id) })
      await reply.read()
      if (reply.status === 200 && lane.requests.length > 0) return
    } catch (error) {
      // A gateway that does not answer at all does not rest: the next case shows what it is.
      if (error instanceof Unmet) return
      throw error
    } finally {
      await close()
    }
    if (now() >= deadline) return
    await pause(250)
  }
}

function once(prepare: (() => Promise<BudgetSetUp>) | undefined): () => Promise<BudgetSetUp> {
  let made: Promise<BudgetSetUp> | undefined
  return () => (made ??= prepare === undefined ? Promise.reject(new Error('the target has no budget')) : prepare())
}

function withoutUndefined(options: SuiteOptions): Partial<typeof SUITE_DEFAULTS> {
  return Object.fromEntries(Object.entries(options).filter(([name, value]) => name in SUITE_DEFAULTS && value !== undefined))
}
