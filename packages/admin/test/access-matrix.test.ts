import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { accessOf, accessTable } from '../src/access.ts'
import { adminRoles, type AdminRole } from '../src/power.ts'
import { route, type Route } from '../src/route.ts'
import { samples, type Place, type Sample } from './samples.ts'
import { newWorld, operationsOf, type World } from './world.ts'

const operations = operationsOf((await newWorld()).api)
const places: readonly Place[] = ['own', 'foreign', 'above']

/** What may call a route, said apart from the access table: to look needs `read`, keys and raises need `operate`, everything else needs `admin`. */
function neededRole({ name, method }: { readonly name: string; readonly method: string }): AdminRole {
  if (!isChange({ name, method })) return 'read'
  return name.startsWith('keys.') || name === 'budgets.raise' ? 'operate' : 'admin'
}

/** Questions whose answers need a body to be asked. */
const questions = ['policy.validate', 'policy.diff', 'what-if']
function isChange({ name, method }: { readonly name: string; readonly method: string }): boolean {
  return method !== 'GET' && !questions.includes(name)
}
const kept = async ({ stores }: World): Promise<unknown> => [
  await stores.scopes.list({}),
  await stores.keyRing.list({}),
  (await stores.budgets.budgets()).map((budget) => ({ ...budget, amount: budget.amount.toString() })),
  await stores.rates.limits(),
  await stores.audit.read({}),
  await stores.policies.history({}),
]

describe('R22: the matrix of role, route and tenant', () => {
  test('knows a call of every route, and a role that the access table says too', () => {
    expect(Object.keys(samples).toSorted()).toEqual(operations.map(({ name }) => name).toSorted())
    for (const operation of operations) expect([operation.name, accessTable[operation.name]?.role]).toEqual([operation.name, neededRole(operation)])
  })

  const cases = operations.flatMap((operation) =>
    adminRoles.flatMap((role) => [false, true].flatMap((isBounded) => places.map((place) => ({ operation, role, isBounded, place })))),
  )

  test.each(cases)('$operation.name as $role (bounded: $isBounded) about what is $place', async ({ operation, role, isBounded, place }) => {
    const world = await newWorld()
    const { call, unseen } = samples[operation.name] as Sample
    const before = await kept(world)
    const answer = await world.call(call(world, place), role, isBounded)
    const isRoleEnough = adminRoles.indexOf(role) >= adminRoles.indexOf(neededRole(operation))
    const isForUnbounded = operation.name.startsWith('audit.') || (operation.name.startsWith('policy.') && operation.name !== 'policy.schema')
    const isSeen = !isBounded || place === 'own'
    const expected = !isRoleEnough || (isBounded && isForUnbounded) ? 403 : isSeen || unseen === 'left-out' ? 200 : 404
    expect(answer.status === 201 ? 200 : answer.status, answer.text).toBe(expected)
    if (expected !== 200) expect(await kept(world)).toEqual(before)
    if (expected === 200 && isChange(operation)) expect(await kept(world)).not.toEqual(before)
    if (expected === 200) operation.checkAnswer(answer.body)
    // Nothing of another tenant, and nothing of the whole, in whatever answer a bounded token gets.
    if (isBounded && operation.name !== 'openapi')
      expect(answer.text.replace(/There is no .*? that this token/, '')).not.toMatch(
        /acme\/ops|bob|bg_foreign|bg_above|bg_tagged|lm_foreign|lm_above|lm_tagged/,
      )
    if (isBounded && place !== 'foreign') expect(answer.text).not.toContain(world.keys.foreign.id)
  })
})

describe('the access table', () => {
  const lonely: Route = route({ name: 'lonely', method: 'GET', path: 'lonely', about: '', answer: z.object(), handle: () => Promise.resolve({ body: {} }) })

  test('a route without an entry, and an entry without a route, fail the build', () => {
    expect(() => accessOf([lonely], {})).toThrow('routes: "lonely" has no entry in the access table.')
    expect(() => accessOf([], { lonely: { role: 'read', bounded: 'within' } })).toThrow('the access table names "lonely", and there is no such route')
    expect(() => accessOf([{ ...lonely, name: 'toString' }], {})).toThrow('"toString" has no entry')
  })

  test('two routes of one name or one place fail the build', () => {
    const table = { lonely: { role: 'read', bounded: 'within' }, other: { role: 'read', bounded: 'within' } } as const
    expect(() => accessOf([lonely, { ...lonely, path: 'else' }], table)).toThrow('"lonely" is there twice')
    expect(() => accessOf([lonely, { ...lonely, name: 'other' }], table)).toThrow('is there twice')
  })
})
