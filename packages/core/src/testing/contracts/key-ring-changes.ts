import type { KeyRecord, KeyRing } from '../../ports/key-ring.ts'
import { assertEqual } from './assertions.ts'
import type { StoreCase } from './contract.ts'
import { callers, sampleInstant, sampleKey, sampleSecret, turns } from './key-ring-samples.ts'

const hour = 3_600_000

async function issued(ring: KeyRing, parts: Partial<KeyRecord> = {}): Promise<KeyRecord> {
  const record = sampleKey(parts)
  assertEqual(await ring.issue(record), true, 'issue')
  return record
}

/** How keys change: rotation and revocation, whoever races. */
export const keyChangeCases: readonly StoreCase<KeyRing>[] = [
  {
    name: 'a rotation adds a secret, ends the present one at the end of the overlap, and drops the one before',
    check: async (ring) => {
      const record = await issued(ring)
      const [first] = record.secrets
      const second = sampleSecret('second', sampleInstant + 1)
      const third = sampleSecret('third', sampleInstant + 2)
      const once = await ring.rotate({ id: record.id, secret: second, overlapUntil: sampleInstant + hour })
      assertEqual(once, { ...record, secrets: [{ ...first, expiresAt: sampleInstant + hour }, second] }, 'after one rotation')
      assertEqual(await ring.find(record.id), once, 'found after one rotation')
      const twice = await ring.rotate({ id: record.id, secret: third, overlapUntil: sampleInstant + 2 * hour })
      assertEqual(twice, { ...record, secrets: [{ ...second, expiresAt: sampleInstant + 2 * hour }, third] }, 'after two rotations')
      assertEqual(await ring.find(record.id), twice, 'found after two rotations')
    },
  },
  {
    name: 'a rotation that is repeated changes nothing, whichever of the two secrets it brings again',
    check: async (ring) => {
      const { id, secrets } = await issued(ring)
      const rotation = { id, secret: sampleSecret('second'), overlapUntil: sampleInstant + hour }
      const once = await ring.rotate(rotation)
      assertEqual(await ring.rotate(rotation), once, 'the same again')
      assertEqual(await ring.rotate({ ...rotation, overlapUntil: sampleInstant + 9 * hour }), once, 'the same with another overlap')
      assertEqual(await ring.rotate({ ...rotation, secret: sampleSecret(secrets[0]?.hash ?? '', 5), overlapUntil: 1 }), once, 'the first secret again')
      assertEqual(await ring.find(id), once, 'what is kept')
    },
  },
  {
    name: 'of fifty racing rotations none is lost, and nobody ever sees more than two secrets',
    check: async (ring) => {
      const { id } = await issued(ring)
      const rotations = Array.from({ length: callers }, (_, index) => ({
        id,
        secret: sampleSecret(`racer ${index}`, sampleInstant + index),
        overlapUntil: sampleInstant + hour + index,
      }))
      const seen = await Promise.all(
        rotations.map(async (rotation, index) => {
          await turns(index % 7)
          const answer = await ring.rotate(rotation)
          return Math.max(answer?.secrets.length ?? 9, (await ring.find(id))?.secrets.length ?? 9)
        }),
      )
      assertEqual(Math.max(...seen), 2, 'the most secrets that anybody saw')
      const [previous, current] = (await ring.find(id))?.secrets ?? []
      const last = rotations.find(({ secret }) => secret.hash === current?.hash)
      const before = rotations.find(({ secret }) => secret.hash === previous?.hash)
      assertEqual([before !== undefined, last !== undefined], [true, true], 'both secrets are of racers, so that each rotation built on the one before')
      assertEqual([previous, current], [{ ...before?.secret, expiresAt: last?.overlapUntil }, last?.secret], 'the two secrets')
    },
  },
  {
    name: 'of fifty callers racing with one rotation only one adds its secret, and the one before keeps its overlap',
    check: async (ring) => {
      const { id, secrets } = await issued(ring)
      const rotation = { id, secret: sampleSecret('retried'), overlapUntil: sampleInstant + hour }
      const answers = await Promise.all(Array.from({ length: callers }, () => ring.rotate(rotation)))
      const expected = [{ ...secrets[0], expiresAt: sampleInstant + hour }, rotation.secret]
      for (const answer of answers) assertEqual(answer?.secrets, expected, 'the secrets that a caller was told')
      assertEqual((await ring.find(id))?.secrets, expected, 'the secrets kept')
    },
  },
  {
    name: 'the first revocation of a key stays; that it leaked may be added later, and is never taken back',
    check: async (ring) => {
      const record = await issued(ring)
      const first = { at: sampleInstant, reason: 'left', isLeaked: false }
      assertEqual(await ring.revoke(record.id, first), { ...record, revocation: first }, 'the first')
      assertEqual(await ring.revoke(record.id, { at: sampleInstant + 1, reason: 'again', isLeaked: false }), { ...record, revocation: first }, 'a second')
      const leaked = { ...record, revocation: { ...first, isLeaked: true } }
      assertEqual(await ring.revoke(record.id, { at: sampleInstant + 2, reason: 'found on the web', isLeaked: true }), leaked, 'one that leaked')
      assertEqual(await ring.revoke(record.id, { at: sampleInstant + 3, reason: 'no', isLeaked: false }), leaked, 'one that did not')
      assertEqual(await ring.find(record.id), leaked, 'what is kept')
    },
  },
  {
    name: 'of fifty racing revocations one stays, all callers are told of it, and one leak among them is enough',
    check: async (ring) => {
      const { id } = await issued(ring)
      const told = await Promise.all(
        Array.from({ length: callers }, async (_, index) => {
          await turns(index)
          const answer = await ring.revoke(id, { at: sampleInstant + index, reason: `caller ${index}`, isLeaked: index === 25 })
          return `${answer?.revocation?.at} ${answer?.revocation?.reason}`
        }),
      )
      assertEqual(new Set(told).size, 1, `revocations told (${[...new Set(told)].join(', ')})`)
      const kept = (await ring.find(id))?.revocation
      assertEqual([`${kept?.at} ${kept?.reason}`, kept?.isLeaked], [told[0], true], 'the revocation kept')
    },
  },
  {
    name: 'a revoked key is rotated no more, and a revocation that races with rotations is never lost',
    check: async (ring) => {
      const { id } = await issued(ring)
      const rotate = (index: number) => ring.rotate({ id, secret: sampleSecret(`racer ${index}`), overlapUntil: sampleInstant + hour })
      const revocation = { at: sampleInstant, reason: 'raced', isLeaked: true }
      const answers = await Promise.all(Array.from({ length: callers }, (_, index) => (index === 20 ? ring.revoke(id, revocation) : rotate(index))))
      assertEqual(answers[20]?.revocation, revocation, 'the answer to the revocation')
      const kept = await ring.find(id)
      assertEqual(kept?.revocation, revocation, 'the revocation kept')
      assertEqual(await rotate(99), undefined, 'a rotation afterwards')
      assertEqual(await ring.find(id), kept, 'the key after it')
    },
  },
]
