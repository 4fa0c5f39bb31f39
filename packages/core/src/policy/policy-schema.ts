import * as z from 'zod/mini'

/** The form of a policy document. Rules in short form are read by `rule-text.ts`. */

const name = z.string().check(z.regex(/^[\w.@-]{1,64}$/))
const text = z.string().check(z.minLength(1), z.maxLength(256))
const texts = z.union([text, z.array(text).check(z.minLength(1), z.maxLength(200))])
const count = z.int().check(z.nonnegative())
const amount = z.number().check(z.nonnegative())
const range = z.strictObject({ atLeast: z.optional(amount), below: z.optional(amount) })
const kind = z.enum(['main', 'sub-agent', 'title', 'classifier', 'probe', 'compaction', 'web-search', 'hook', 'count-tokens', 'models', 'auxiliary', 'other'])
const clock = z.string().check(z.regex(/^(?:[01]\d|2[0-3]):[0-5]\d$/))
const switchMode = z.enum(['when-it-pays', 'new-sessions', 'always'])

const conditions = z.strictObject({
  model: z.optional(texts),
  kind: z.optional(z.union([kind, z.array(kind).check(z.minLength(1))])),
  agentType: z.optional(texts),
  inputTokens: z.optional(range),
  newTokens: z.optional(range),
  contextTokens: z.optional(range),
  hasTools: z.optional(z.boolean()),
  hasThinking: z.optional(z.boolean()),
  turn: z.optional(range),
  sessionAgeMinutes: z.optional(range),
  scope: z.optional(texts),
  tags: z.optional(z.record(z.string(), texts)),
  repository: z.optional(texts),
  region: z.optional(texts),
  time: z.optional(
    z.strictObject({
      days: z.optional(z.array(z.enum(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'])).check(z.minLength(1))),
      from: z.optional(clock),
      until: z.optional(clock),
      timeZone: text,
    }),
  ),
  budget: z.optional(z.union([z.literal('used-up'), range])),
})

const target = { model: z.optional(text), upstream: z.optional(text) }

const action = z.strictObject({
  target: z.optional(z.strictObject(target)),
  targets: z.optional(z.array(z.strictObject({ ...target, weight: z.int().check(z.positive(), z.lte(1_000_000)) })).check(z.minLength(1), z.maxLength(50))),
  downgrade: z.optional(z.array(z.strictObject(target)).check(z.minLength(1), z.maxLength(20))),
  keep: z.optional(z.literal(true)),
  deny: z.optional(z.string().check(z.minLength(1), z.maxLength(500))),
})

/** A rule in its long form. */
export const ruleSchema: z.ZodMiniType = z.strictObject({
  name: z.optional(name),
  note: z.optional(z.string().check(z.maxLength(2_000))),
  when: z.optional(conditions),
  do: action,
  else: z.optional(action),
  adapt: z.optional(z.boolean()),
  switch: z.optional(switchMode),
  shadow: z.optional(z.boolean()),
})

const model = z.strictObject({
  maxTokens: z.optional(count),
  contextTokens: z.optional(count),
  thinking: z.optional(z.array(z.enum(['adaptive', 'enabled']))),
  effort: z.optional(z.boolean()),
  turnEffort: z.optional(z.boolean()),
  systemMessages: z.optional(z.boolean()),
  deferredTools: z.optional(z.boolean()),
  sampling: z.optional(z.boolean()),
  tokensPerThousand: z.optional(z.int().check(z.positive(), z.lte(10_000))),
})

const stop = z.strictObject({
  model: z.optional(texts),
  upstream: z.optional(texts),
  scope: z.optional(texts),
  reason: z.string().check(z.minLength(1), z.maxLength(500)),
})

const residency = z.strictObject({
  scope: z.optional(texts),
  repository: z.optional(texts),
  tags: z.optional(z.record(z.string(), texts)),
  regions: z.array(text).check(z.minLength(1), z.maxLength(50)),
})

const upstream = z.strictObject({
  region: z.optional(text),
  fallbacks: z.optional(
    z.array(z.union([text, z.strictObject({ upstream: text, model: z.optional(text), last: z.optional(z.boolean()) })])).check(z.maxLength(20)),
  ),
})

const offered = z.strictObject({
  model: text,
  name: z.optional(text),
  description: z.optional(text),
  createdAt: z.optional(z.iso.datetime({ offset: true })),
})

const classes = z.optional(z.record(name, z.array(text)))
const mostRules = 1_000

const documentOf = (rule: z.ZodMiniType): z.ZodMiniType =>
  z.strictObject({
    $schema: z.optional(z.string()),
    version: z.literal(1),
    name: z.optional(name),
    defaults: z.optional(
      z.strictObject({
        upstream: z.optional(text),
        adapt: z.optional(z.boolean()),
        switch: z.optional(switchMode),
        remainingTurns: z.optional(z.int().check(z.positive(), z.lte(1_000))),
      }),
    ),
    classes,
    repositoryClasses: classes,
    models: z.optional(z.record(text, model)),
    upstreams: z.optional(z.record(text, upstream)),
    stops: z.optional(z.array(stop).check(z.maxLength(200))),
    residency: z.optional(z.array(residency).check(z.maxLength(200))),
    offered: z.optional(z.array(offered).check(z.minLength(1), z.maxLength(1_000))),
    rules: z.array(rule).check(z.maxLength(mostRules)),
  })

/** A document whose rules are yet to be looked at: each is judged by itself, so that a problem is told where it is. */
export const documentSchema: z.ZodMiniType = documentOf(z.unknown())

/** JSON Schema of a policy document, for editors. */
export function policyJsonSchema(): object {
  return z.toJSONSchema(documentOf(z.union([z.string(), ruleSchema])))
}

/** What is wrong with a value, and where: `when.kind: unknown field`. Undefined where nothing is. */
export function problemIn(schema: z.ZodMiniType, value: unknown): { readonly path: string; readonly problem: string } | undefined {
  const result = z.safeParse(schema, value)
  return result.success ? undefined : deepest(result.error.issues[0] as z.core.$ZodIssue, '')
}

function deepest(issue: z.core.$ZodIssue, before: string): { readonly path: string; readonly problem: string } {
  const path = issue.path.reduce<string>(
    (joined, part) => (typeof part === 'number' ? `${joined}[${part}]` : joined === '' ? String(part) : `${joined}.${String(part)}`),
    before,
  )
  switch (issue.code) {
    case 'invalid_union': {
      // Of several forms, the one that the value comes nearest to: its first problem lies deepest. Else the one whose values can be told.
      const firsts = issue.errors.map(([first]) => first).filter((first) => first !== undefined)
      const nearest = firsts.find((first) => first.path.length > 0) ?? firsts.find((first) => first.code === 'invalid_value')
      return nearest === undefined ? { path, problem: 'is not of any form that is allowed here' } : deepest(nearest, path)
    }
    case 'unrecognized_keys':
      return { path: path === '' ? String(issue.keys[0]) : `${path}.${issue.keys[0]}`, problem: 'is an unknown field' }
    case 'invalid_type':
      return { path, problem: `must be ${issue.expected === 'int' ? 'a whole number' : `of type ${issue.expected}`}` }
    case 'invalid_value':
      return { path, problem: `must be ${issue.values.map((allowed) => JSON.stringify(allowed)).join(' or ')}` }
    case 'too_big':
      return { path, problem: `is larger or longer than ${issue.maximum}` }
    case 'too_small':
      return { path, problem: `is smaller or shorter than ${issue.minimum}` }
    default:
      return { path, problem: 'has not the form that is wanted here' }
  }
}
