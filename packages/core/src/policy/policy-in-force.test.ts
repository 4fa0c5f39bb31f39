import { expect, it } from 'vitest'
import type { PolicyDocument, PolicyShelf } from '../ports/policy-shelf.ts'
import { manualClock } from '../testing/manual-clock.ts'
import { PolicyInForce } from './policy-in-force.ts'
import { toPolicyDocument } from './policy-version.ts'

it('an exchange that comes while the very first answer of the shelf is on its way waits for it, whoever has asked', async () => {
  const answer = Promise.withResolvers<PolicyDocument | undefined>()
  const shelf = { current: () => answer.promise } as Partial<PolicyShelf> as PolicyShelf
  const inForce = new PolicyInForce({
    shelf,
    first: undefined,
    upstreams: undefined,
    clock: manualClock(),
    onFault: () => undefined,
    refreshMillis: 5_000,
    answerMillis: 2_000,
  })
  const refreshed = inForce.refresh()
  await Promise.resolve()
  const current = inForce.current()
  const document = await toPolicyDocument({ version: 1, rules: ['keep'] })
  answer.resolve(document)
  expect((await current)?.version).toBe(document.version)
  await refreshed
})
