import type { FirstContentOptions } from '@sluice/core'
import { z } from 'zod'
import { UsageError } from '../errors.ts'
import { asNumber, asSwitch, asText, given, type SettingSources, type SettingSpec } from './setting.ts'

/** How upstreams share the work: `in-order`: the first serves, the others where it cannot; `by-session`: each session has one of them, and the others where that cannot. */
export type Balance = 'in-order' | 'by-session'

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value)

export const policySpec: SettingSpec<string | object> = {
  key: 'policy',
  flag: 'policy',
  placeholder: 'FILE',
  env: 'SLUICE_POLICY',
  about: 'routing policy: a JSON file, which is watched, or "recommended"; published at start unless somebody else has published one',
  read: asText,
  schema: z.union([z.string().min(1), z.custom<object>(isObject)]),
  fix: 'Give the path of a JSON file, "recommended", or in a configuration file the policy itself.',
}

export const ruleSpec: SettingSpec<string[]> = {
  key: 'rule',
  flag: 'rule',
  placeholder: 'TEXT',
  env: 'SLUICE_RULE',
  about: 'a rule in place of a policy file, repeatable: "when input < 10k use claude-haiku-4-5 else claude-opus-5-5"',
  read: (text) => [text.trim()],
  readList: (texts) => texts.map((text) => text.trim()),
  schema: z.preprocess((value) => (typeof value === 'string' ? [value] : value), z.array(z.string().min(1)).min(1)),
  fix: 'Give a rule such as "when kind is title use claude-haiku-5-5".',
}

export const balanceSpec: SettingSpec<Balance> = {
  key: 'balance',
  flag: 'balance',
  placeholder: 'in-order|by-session',
  env: 'SLUICE_BALANCE',
  about: 'how several upstreams share the work: the first serves and the others stand by (in-order), or each session has its own',
  read: asText,
  schema: z.enum(['in-order', 'by-session']),
  fix: 'Give in-order or by-session.',
}

export const attemptsSpec: SettingSpec<number> = {
  key: 'attempts',
  flag: 'attempts',
  placeholder: 'N',
  env: 'SLUICE_ATTEMPTS',
  about: 'tries for one request, over all upstreams (3)',
  read: asNumber,
  schema: z.int().min(1).max(20),
  fix: 'Give a whole number from 1 to 20.',
}

export const deadlineSpec: SettingSpec<number> = {
  key: 'deadlineSeconds',
  flag: 'deadline',
  placeholder: 'SECONDS',
  env: 'SLUICE_DEADLINE_SECONDS',
  about: 'how long all tries for one request may take until a reply begins (900)',
  read: asNumber,
  schema: z.number().min(1).max(86_400),
  fix: 'Give seconds from 1 to 86400. Claude Code itself waits 600.',
}

export const failoverSpec: SettingSpec<number> = {
  key: 'failoverSeconds',
  flag: 'failover-after',
  placeholder: 'SECONDS',
  env: 'SLUICE_FAILOVER_SECONDS',
  about: 'how long a silent upstream is waited for before the next one is asked (the whole deadline)',
  read: asNumber,
  schema: z.number().min(1).max(86_400),
  fix: 'Give seconds from 1 to 86400; a head may take a minute when an API is busy.',
}

export const firstContentSpec: SettingSpec<number> = {
  key: 'firstContentSeconds',
  flag: 'first-content',
  placeholder: 'SECONDS',
  env: 'SLUICE_FIRST_CONTENT_SECONDS',
  about: 'hold back the beginning of a stream for so long, until it has content, so that another upstream can take over unseen (not at all)',
  read: asNumber,
  schema: z.number().min(0.1).max(300),
  fix: 'Give seconds from 0.1 to 300; 10 suits most.',
}

export const replaceSilentSpec: SettingSpec<boolean> = {
  key: 'replaceSilent',
  flag: 'replace-silent',
  env: 'SLUICE_REPLACE_SILENT',
  about: 'ask another upstream for a stream that has no content when the time of --first-content is over (off)',
  ...asSwitch,
}

export const regionSpec: SettingSpec<string> = {
  key: 'region',
  flag: 'region',
  placeholder: 'NAME',
  env: 'SLUICE_REGION',
  about: 'where this gateway runs, for rules on it (`region is eu`)',
  read: asText,
  schema: z.string().regex(/^[\w.-]{1,64}$/),
  fix: 'Give a name without spaces, such as eu.',
}

/** What says where exchanges go, in the order of the help. */
export const routingSpecs: readonly SettingSpec<unknown>[] = [
  policySpec,
  ruleSpec,
  balanceSpec,
  attemptsSpec,
  deadlineSpec,
  failoverSpec,
  firstContentSpec,
  replaceSilentSpec,
  regionSpec,
]

/** How the beginning of a stream is held; undefined where it is not. @throws UsageError */
export function firstContentOf(sources: SettingSources): FirstContentOptions | undefined {
  const seconds = given(firstContentSpec, sources)?.value
  const replaces = given(replaceSilentSpec, sources)
  if (seconds === undefined) {
    if (replaces?.value === true) throw new UsageError(`${replaces.origin}: says nothing without --first-content. Give that too, such as --first-content 10.`)
    return undefined
  }
  return { millis: Math.round(seconds * 1000), ...(replaces?.value === true && { whenSilent: 'ask-next' }) }
}
