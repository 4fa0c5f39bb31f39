import type { PolicyPublication, PolicyPublishResult } from '@sluice/core'
import { compilePolicy, policyJsonSchema, publishPolicy, rollBackPolicy, toPolicyDocument, type Policy } from '@sluice/core/policy'
import { z } from 'zod'
import { policyDiff, type PolicyChange } from '../policies/policy-diff.ts'
import type { AdminActor } from '../power.ts'
import { badRequest, conflict, type Refusal } from '../refusal.ts'
import { route, type Answer, type Route } from '../route.ts'
import type { AdminParts } from '../stores.ts'
import { limitOf, limitParameter, nextField, pageOf, reasonField } from './paging.ts'
import { documentOf, policyOf, shelfOf } from './policy-shelf-of.ts'

/** A publication as the API shows it. */
export interface PublicationJson {
  readonly sequence: number
  readonly version: string
  /** The version that was in force before; null for the first. */
  readonly previousVersion: string | null
  readonly at: string
  readonly actor: string
  readonly reason: string | null
}

/** The policy in force as the API shows it; nothing but nulls while none was ever published. */
export interface CurrentPolicyJson {
  readonly version: string | null
  readonly policy: Policy | null
  readonly publication: PublicationJson | null
}

/** What became of a publication. */
export interface PublishedJson {
  readonly kind: 'published' | 'unchanged'
  readonly publication: PublicationJson
}

/** What differs between two policies. */
export interface PolicyDiffJson {
  /** Null where nothing was ever published. */
  readonly from: string | null
  readonly to: string
  readonly changes: readonly PolicyChange[]
}

/** A policy that was checked, and not published. */
export interface PolicyCheckJson {
  readonly version: string
  readonly rules: readonly { readonly name: string; readonly isShadow: boolean }[]
  readonly isInForce: boolean
}

const version = z.string().regex(/^[0-9a-f]{16}$/)
const document = z.looseObject({ version: z.literal(1), rules: z.array(z.unknown()) })
const publication = z.strictObject({
  sequence: z.number(),
  version,
  previousVersion: version.nullable(),
  at: z.string(),
  actor: z.string(),
  reason: z.string().nullable(),
})
const published = z.strictObject({ kind: z.enum(['published', 'unchanged']), publication })
/** Checked by core, which names the place of a fault. */
const policyInput = z
  .unknown()
  .refine(
    (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
    'give the policy as an object; GET /admin/v1/policy/schema describes it',
  )
  .meta({ description: 'A policy document: see GET /admin/v1/policy/schema.' })
const expected = version.nullable().meta({ description: 'The version that is to be replaced; null: none is in force. Refused where it is another by now.' })

function toPublicationJson({ at, previousVersion, reason, ...rest }: PolicyPublication): PublicationJson {
  return { ...rest, previousVersion: previousVersion ?? null, at: new Date(at).toISOString(), reason: reason ?? null }
}

/** Routes of routing policies. A policy says where everybody's exchanges go, so they are for tokens that no scope bounds. */
export function policyRoutes({ stores, changes, now, upstreams, onPolicyPublished }: AdminParts): readonly Route[] {
  const inForce = async (): Promise<string | undefined> => (await shelfOf(stores).current())?.version
  const changed = async (
    actor: AdminActor,
    action: string,
    to: { version: string; policy: Policy },
    input: PublishInput,
    publish: Publish,
  ): Promise<Answer> => {
    const shelf = shelfOf(stores)
    const before = await shelf.current()
    if (before?.version !== to.version) assertExpected(input.expected, before?.version)
    else {
      // What is in force already is no change, and leaves no record.
      const [current] = await shelf.history({ limit: 1 })
      if (current?.version === to.version) return { body: { kind: 'unchanged', publication: toPublicationJson(current) } }
    }
    const change = {
      action,
      subject: 'policy',
      reason: input.reason,
      ...(before !== undefined && { before: { version: before.version, policy: policyOf(before) } }),
      after: to,
    }
    const result = await changes.recorded(actor, change, async () => {
      const made = await publish()
      if (made.kind === 'conflict') throw lostTo(made.current?.version)
      return made
    })
    await onPolicyPublished()
    return { body: { kind: result.kind, publication: toPublicationJson(result.current) } }
  }
  return [
    route({
      name: 'policy.current',
      method: 'GET',
      path: 'policy',
      about: 'The routing policy in force, and who published it.',
      answer: z.strictObject({ version: version.nullable(), policy: document.nullable(), publication: publication.nullable() }),
      handle: async (): Promise<{ body: CurrentPolicyJson }> => {
        const shelf = shelfOf(stores)
        const [current] = await shelf.history({ limit: 1 })
        if (current === undefined) return { body: { version: null, policy: null, publication: null } }
        const found = await documentOf(shelf, current.version)
        return { body: { version: found.version, policy: policyOf(found), publication: toPublicationJson(current) } }
      },
    }),
    route({
      name: 'policy.version',
      method: 'GET',
      path: 'policy/versions/{id}',
      about: 'The document of a version that was ever in force.',
      answer: z.strictObject({ version, policy: document }),
      handle: async ({ id }) => {
        const found = await documentOf(shelfOf(stores), id)
        return { body: { version: found.version, policy: policyOf(found) } }
      },
    }),
    route({
      name: 'policy.history',
      method: 'GET',
      path: 'policy/history',
      about: 'Who published what and why, newest first.',
      query: z.strictObject({
        after: z
          .string()
          .regex(/^\d{1,15}$/, 'give the `next` of the page before')
          .optional(),
        limit: limitParameter.optional(),
      }),
      answer: z.strictObject({ publications: z.array(publication), next: nextField }),
      handle: async ({ query }) => {
        const limit = limitOf(query)
        const found = await shelfOf(stores).history({ limit: limit + 1, ...(query.after !== undefined && { before: Number(query.after) }) })
        const { items, next } = pageOf(found, limit, ({ sequence }) => String(sequence))
        return { body: { publications: items.map(toPublicationJson), next } }
      },
    }),
    route({
      name: 'policy.publish',
      method: 'POST',
      path: 'policy',
      about: 'Puts a policy in force, if the one that it is to replace still is.',
      body: z.strictObject({ policy: policyInput, expected, reason: reasonField.optional() }),
      answer: published,
      handle: async ({ actor, body }) => {
        const policy = checked(body.policy, upstreams)
        const to = { version: (await toPolicyDocument(policy)).version, policy }
        return changed(actor, 'policy.publish', to, body, () =>
          publishPolicy({ shelf: shelfOf(stores), policy, ...publishOf(body, actor, now()), ...(upstreams !== undefined && { upstreams }) }),
        )
      },
    }),
    route({
      name: 'policy.rollback',
      method: 'POST',
      path: 'policy/rollback',
      about: 'Puts a version in force again that once was, if the one that it is to replace still is.',
      body: z.strictObject({ version, expected, reason: reasonField.optional() }),
      answer: published,
      handle: async ({ actor, body }) => {
        const shelf = shelfOf(stores)
        const policy = policyOf(await documentOf(shelf, body.version))
        checked(policy, upstreams)
        return changed(actor, 'policy.rollback', { version: body.version, policy }, body, () =>
          rollBackPolicy({ shelf, version: body.version, ...publishOf(body, actor, now()), ...(upstreams !== undefined && { upstreams }) }),
        )
      },
    }),
    route({
      name: 'policy.validate',
      method: 'POST',
      path: 'policy/validate',
      about: 'Checks a policy as a publication would, and publishes nothing.',
      body: z.strictObject({ policy: policyInput }),
      answer: z.strictObject({ version, rules: z.array(z.strictObject({ name: z.string(), isShadow: z.boolean() })), isInForce: z.boolean() }),
      handle: async ({ body }): Promise<{ body: PolicyCheckJson }> => {
        const { policy, rules } = compilePolicy(body.policy, upstreams)
        const made = (await toPolicyDocument(policy)).version
        return { body: { version: made, rules: rules.map(({ name, isShadow }) => ({ name, isShadow })), isInForce: (await inForce()) === made } }
      },
    }),
    route({
      name: 'policy.diff',
      method: 'POST',
      path: 'policy/diff',
      about: 'What differs between the policy in force, or a version that once was, and another: a document, or a version.',
      body: z.strictObject({
        policy: policyInput.optional(),
        version: version.optional(),
        against: version.optional().meta({ description: 'The one in force unless given.' }),
      }),
      answer: z.strictObject({
        from: version.nullable(),
        to: version,
        changes: z.array(
          z.strictObject({
            path: z.string(),
            kind: z.enum(['added', 'removed', 'changed', 'moved']),
            before: z.unknown().optional(),
            after: z.unknown().optional(),
          }),
        ),
      }),
      handle: async ({ body }): Promise<{ body: PolicyDiffJson }> => {
        const shelf = shelfOf(stores)
        if ((body.policy === undefined) === (body.version === undefined)) throw badRequest('Give either `policy` or `version`: what is to be compared.')
        const from = body.against === undefined ? await shelf.current() : await documentOf(shelf, body.against)
        const to = body.version === undefined ? await toPolicyDocument(checked(body.policy, upstreams)) : await documentOf(shelf, body.version)
        const before: Policy = from === undefined ? { version: 1, rules: [] } : policyOf(from)
        return { body: { from: from?.version ?? null, to: to.version, changes: policyDiff(before, policyOf(to)) } }
      },
    }),
    route({
      name: 'policy.schema',
      method: 'GET',
      path: 'policy/schema',
      about: 'JSON Schema of a policy document, for editors.',
      answer: z.looseObject({ $schema: z.string(), properties: z.looseObject({}) }),
      handle: () => Promise.resolve({ body: policyJsonSchema() }),
    }),
  ]
}

interface PublishInput {
  readonly expected: string | null
  readonly reason?: string | undefined
}

type Publish = () => Promise<PolicyPublishResult>

function publishOf(
  { expected: replaced, reason }: PublishInput,
  { name }: AdminActor,
  at: number,
): { readonly expected: string | undefined; readonly at: number; readonly actor: string; readonly reason?: string } {
  return { expected: replaced ?? undefined, at, actor: name, ...(reason !== undefined && { reason }) }
}

/** The same document, checked. @throws ConfigurationError that names the place of the fault */
function checked(policy: unknown, upstreams: readonly string[] | undefined): Policy {
  return compilePolicy(policy, upstreams).policy
}

function assertExpected(asked: string | null, current: string | undefined): void {
  if ((asked ?? undefined) !== current) throw lostTo(current)
}

function lostTo(current: string | undefined): Refusal {
  return conflict(
    current === undefined
      ? 'expected: no policy is in force. Publish with `expected: null`.'
      : `expected: version ${current} is in force. Read it, and decide again; then publish with that as \`expected\`.`,
  )
}
