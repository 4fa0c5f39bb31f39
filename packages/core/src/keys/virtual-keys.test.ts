import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { keyBench, keyStore, pepper, seededRandom } from '../../test/key-bench.ts'
import { ConfigurationError, GatewayError } from '../errors.ts'
import { Secret } from '../secret.ts'
import { manualClock } from '../testing/manual-clock.ts'
import { KeyFormat, newKeySecret } from './key-text.ts'
import { defaultVirtualKeyOptions, virtualKeys } from './virtual-keys.ts'

const hour = 3_600_000
const unknown = 'unknown'

describe('a virtual key', () => {
  test('lets in whom it was issued for, in both presentations, with the scopes above it', async () => {
    const { keys, issue } = keyBench()
    const { key, jwt, record } = await issue({ name: 'laptop', tags: { team: 'web' }, restrictions: { models: ['claude-haiku-*'] } })
    const principal = {
      keyId: record.id,
      developer: 'ada',
      scopes: [
        { path: 'acme', level: 'organisation' },
        { path: 'acme/web', level: 'cost-centre' },
        { path: 'acme/web/ada', level: 'developer' },
      ],
      tags: { team: 'web' },
      restrictions: { models: ['claude-haiku-*'] },
    }
    expect(await keys.verify(key)).toEqual(principal)
    expect(await keys.verify(jwt)).toEqual(principal)
  })

  test('is issued only for a scope that is there and not archived, at any height', async () => {
    const { keys, store } = keyBench()
    expect(await keys.issue({ scope: 'acme/nobody' })).toEqual({ kind: 'no-scope' })
    await store.scopes.archive('acme', 5)
    expect(await keys.issue({ scope: 'acme/web/ada' })).toEqual({ kind: 'archived-scope' })
    expect(store.records.size).toBe(0)
  })

  test('of a scope that was archived is not taken any more', async () => {
    const { store, clock, issue, verdict } = keyBench()
    const { key, record } = await issue()
    expect(await verdict(key)).toBe('ada')
    await store.scopes.archive('acme/web', 5)
    clock.advance(5_000)
    expect(await verdict(key)).toBe(`The scope "acme/web" of the key ${record.id} is archived. Ask this gateway's operator for a new key.`)
  })

  test('whose secret is wrong is unknown, though its id and checksum are right, and says nothing of the state of the key', async () => {
    const { keys, issue, verdict } = keyBench()
    const first = await issue()
    const { key } = (await keys.rotate(first.record.id, { overlapMillis: 0 })) as { key: string }
    const other = keyBench({ pepper: `${pepper}!`, random: (bytes) => bytes.fill(7) })
    const forged = await other.issue()
    expect(await verdict(forged.key)).toBe(unknown)
    await keys.revoke(first.record.id, { reason: 'x', isLeaked: true })
    expect([await verdict(key), await verdict(first.key)]).toEqual([expect.stringContaining('was revoked'), expect.stringContaining('was revoked')])
    // Of the right id, with a secret of nobody's.
    const format = forged.key.replace(forged.record.id, first.record.id)
    expect(await verdict(format)).toBe(unknown)
  })

  test('that expires is taken until that instant, and then refused with 401 and what to do', async () => {
    const { keys, clock, issue, verdict } = keyBench()
    const { key, jwt, record } = await issue({ expiresAt: clock.now() + hour })
    clock.advance(hour - 1)
    expect([await verdict(key), await verdict(jwt)]).toEqual(['ada', 'ada'])
    clock.advance(1)
    const message = `The key ${record.id} expired on 2026-11-24T13:00Z. Ask this gateway's operator for a new key.`
    expect([await verdict(key), await verdict(jwt)]).toEqual([message, message])
    await expect(keys.verify(key)).rejects.toMatchObject({ status: 401, type: 'authentication_error', code: 'invalid-credential' })
    expect(await keys.rotate(record.id, { overlapMillis: 0 })).toEqual({ kind: 'no-key' })
  })

  test('that is rotated is taken in both secrets during the overlap, and never in three', async () => {
    const { keys, clock, issue, verdict } = keyBench()
    const first = await issue()
    const second = (await keys.rotate(first.record.id, { overlapMillis: hour })) as typeof first
    expect(await Promise.all([first.key, first.jwt, second.key, second.jwt].map(verdict))).toEqual(['ada', 'ada', 'ada', 'ada'])
    const third = (await keys.rotate(first.record.id, { overlapMillis: hour })) as typeof first
    expect(await Promise.all([first.key, first.jwt, second.key, second.jwt, third.key, third.jwt].map(verdict))).toEqual([
      unknown,
      unknown,
      'ada',
      'ada',
      'ada',
      'ada',
    ])
    clock.advance(hour)
    const over = `The key ${first.record.id} was rotated, and this older secret of it is not taken since 2026-11-24T13:00Z. Use the new one.`
    expect(await Promise.all([second.key, second.jwt, third.key, third.jwt].map(verdict))).toEqual([over, over, 'ada', 'ada'])
  })

  test('that is revoked is refused at once in this process, in both presentations, and rotated no more', async () => {
    const { keys, issue, verdict } = keyBench()
    const { key, jwt, record } = await issue()
    expect(await verdict(key)).toBe('ada')
    expect(await keys.revoke(record.id, { reason: 'left', isLeaked: false })).toMatchObject({ kind: 'revoked', record: { revocation: { reason: 'left' } } })
    const message = `The key ${record.id} was revoked on 2026-11-24T12:00Z. Ask this gateway's operator for a new key.`
    expect([await verdict(key), await verdict(jwt)]).toEqual([message, message])
    expect(await keys.rotate(record.id, { overlapMillis: hour })).toEqual({ kind: 'no-key' })
    expect(await keys.revoke('nobody00', { reason: 'x', isLeaked: false })).toEqual({ kind: 'no-key' })
  })

  test('takes the developer from its scope, and a name from the developer', async () => {
    const { issue } = keyBench()
    expect((await issue()).record).toMatchObject({ developer: 'ada', name: 'ada', scope: 'acme/web/ada', tags: {}, restrictions: {} })
    expect((await issue({ developer: 'ci', name: 'nightly' })).record).toMatchObject({ developer: 'ci', name: 'nightly' })
  })

  test('gets another id where its own is taken', async () => {
    const { keys, store, issue } = keyBench()
    const taken = await issue()
    let turn = 0
    const again = keyBench(
      {
        random: (bytes) => {
          if (bytes.length === 8 && (turn += 1) === 1) bytes.fill(1)
          else bytes.fill(turn)
        },
      },
      store,
    )
    store.records.set('11111111', { ...taken.record, id: '11111111' })
    expect((await again.issue()).record.id).toBe('22222222')
    expect(await keys.verify(taken.key)).toBeDefined()
  })

  test.each([
    ['scope', { scope: '../etc' }],
    ['name', { name: '' }],
    ['name', { name: 'a\u0007' }],
    ['developer', { developer: 'x'.repeat(129) }],
    ['expiresAt', { expiresAt: 5 }],
    ['expiresAt', { expiresAt: Infinity }],
    ['tags', { tags: Object.fromEntries(Array.from({ length: 33 }, (_, index) => [`t${index}`, 'x'])) }],
    ['restrictions', { restrictions: { modles: ['x'] } as never }],
    ['restrictions.models', { restrictions: { models: [] } }],
    ['restrictions.models', { restrictions: { models: ['claude-*-5'] } }],
    ['restrictions.upstreams', { restrictions: { upstreams: 'anthropic' as never } }],
    ['networks', { restrictions: { networks: ['10.0.0.1/8'] } }],
  ])('with a wrong %s is refused by name, before anything is kept', async (option, parts) => {
    const { store, issue } = keyBench()
    await expect(issue(parts)).rejects.toMatchObject({ name: 'ConfigurationError', option })
    expect(store.records.size).toBe(0)
  })
})

describe('what is no key', () => {
  const hostile = fc.oneof(
    fc.string({ maxLength: 80 }),
    fc.string({ unit: 'binary', maxLength: 80 }),
    fc.stringMatching(/^sluice_live_[0-9A-Za-z]{8}_[0-9A-Za-z]{38}$/),
    fc.stringMatching(/^sluice_live_[0-9A-Za-z'%_; -]{47}$/),
    fc.stringMatching(/^eyJ[0-9A-Za-z_-]{5,40}\.[0-9A-Za-z_-]{5,40}\.[0-9A-Za-z_-]{0,43}$/),
  )

  test('LiteLLM CVE-2026-42208: a million malformed credentials cause no look-up', async () => {
    const { keys, store, issue } = keyBench()
    const { key, jwt } = await issue()
    // The text alone decides: nothing to wait for, so that a million take a moment.
    for (let index = 0; index < 1_000_000; index += 1) {
      const answer = keys.verify(key.slice(0, -6) + index.toString().padStart(6, '0'))
      if (index % 1_000 === 0) expect(await answer).toBeUndefined()
    }
    await fc.assert(
      fc.asyncProperty(hostile, async (credential) => {
        fc.pre(credential !== key && credential !== jwt)
        expect(await keys.verify(credential)).toBeUndefined()
      }),
      { numRuns: 2_000 },
    )
    const metacharacters = [`' OR 1=1 --`, `"; drop table keys; --`, '$1', '%', '_', '\\', '\0', '${x}', "sluice_live_' OR 1=1_"]
    for (let index = 0; index < 5_000; index += 1) {
      const text = metacharacters[index % metacharacters.length] as string
      const text10 = text.repeat(10)
      expect(await keys.verify((text10 + key).slice(index % text10.length).slice(0, key.length))).toBeUndefined()
    }
    expect(store.lookUps).toEqual([])
  }, 60_000)

  test('an unknown id is looked up once in a while, however often it comes, and not at all while it is under way', async () => {
    const { store, clock, verdict } = keyBench()
    const { key } = await keyBench().issue()
    expect(await Promise.all(Array.from({ length: 50 }, () => verdict(key)))).toEqual(Array.from({ length: 50 }, () => unknown))
    await verdict(key)
    expect(store.lookUps).toHaveLength(1)
    clock.advance(5_000)
    await verdict(key)
    expect(store.lookUps).toHaveLength(2)
  })

  test('a key that is issued after its id was looked up in vain is taken at once', async () => {
    const { store, issue, verdict } = keyBench()
    const { key } = await keyBench({}, keyStore()).issue()
    expect(await verdict(key)).toBe(unknown)
    // The same generator, so the same key.
    expect((await issue()).key).toBe(key)
    expect([await verdict(key), store.lookUps.length]).toEqual(['ada', 2])
  })

  test('ids of no key drive out nobody who is known', async () => {
    const { keys, store, issue, verdict } = keyBench({ cacheMillis: 60_000 })
    const { key, record } = await issue()
    await verdict(key)
    const scanner = keyBench({ random: undefined as never })
    for (let index = 0; index < 10_100; index += 1) await keys.verify((await scanner.issue()).key)
    await verdict(key)
    expect(store.lookUps.filter((id) => id === record.id)).toHaveLength(1)
  }, 60_000)
})

describe('look-ups', () => {
  test('one is enough for all that ask at once and for cacheMillis, and no longer', async () => {
    const { store, clock, issue, verdict } = keyBench()
    const { key, jwt } = await issue()
    await Promise.all(Array.from({ length: 50 }, (_, index) => verdict(index % 2 === 0 ? key : jwt)))
    clock.advance(4_999)
    await verdict(key)
    expect(store.lookUps).toHaveLength(1)
    clock.advance(1)
    await verdict(key)
    expect(store.lookUps).toHaveLength(2)
  })

  test('R22: a key that one replica revokes is taken by no replica for longer than cacheMillis', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 3_000 }), { maxLength: 12 }), fc.integer({ min: 0, max: 11 }), async (steps, revokeAt) => {
        const store = keyStore()
        const clock = manualClock()
        const replicas = [keyBench({}, store, clock), keyBench({}, store, clock), keyBench({}, store, clock)] as const
        const { key, jwt, record } = await replicas[0].issue()
        let revokedAt = Infinity
        for (const [index, step] of steps.entries()) {
          if (index === revokeAt) {
            await replicas[0].keys.revoke(record.id, { reason: 'x', isLeaked: false })
            revokedAt = clock.now()
          }
          for (const { verdict } of replicas) {
            const isTaken = (await verdict(index % 2 === 0 ? key : jwt)) === 'ada'
            if (revokedAt === Infinity) expect(isTaken).toBe(true)
            else if (clock.now() - revokedAt >= defaultVirtualKeyOptions.cacheMillis) expect(isTaken).toBe(false)
          }
          clock.advance(step)
        }
      }),
    )
  })

  test('a slow answer is as old as its question: what was revoked meanwhile is not taken for longer', async () => {
    const { store, clock, keys, issue } = keyBench()
    const { key, record } = await issue()
    const gate = Promise.withResolvers<void>()
    const { find } = store.ring
    const slow = virtualKeys({
      ring: {
        ...store.ring,
        find: async (id) => {
          const found = await find(id)
          await gate.promise
          return found
        },
      },
      scopes: store.scopes,
      pepper,
      clock,
    })
    const early = slow.verify(key)
    await clock.advanceAsync(1_900)
    await keys.revoke(record.id, { reason: 'x', isLeaked: false })
    gate.resolve()
    expect(await early).toBeDefined()
    clock.advance(3_100)
    await expect(slow.verify(key)).rejects.toThrow('was revoked')
  })

  test('a revocation of this process is not undone by a look-up that was under way', async () => {
    const { store, clock, issue } = keyBench()
    const { key, record } = await issue()
    const gate = Promise.withResolvers<void>()
    const { find } = store.ring
    const keys = virtualKeys({
      ring: {
        ...store.ring,
        find: async (id) => {
          const found = await find(id)
          await gate.promise
          return found
        },
      },
      scopes: store.scopes,
      pepper,
      clock,
    })
    const early = keys.verify(key)
    await clock.advanceAsync(0)
    await keys.revoke(record.id, { reason: 'x', isLeaked: false })
    gate.resolve()
    await early
    await expect(keys.verify(key)).rejects.toThrow('was revoked')
  })

  test('CVE-2026-35030: two keys that share all but the end are two, and neither is taken for the other', async () => {
    const { keys, issue, verdict } = keyBench()
    const ada = await issue()
    const bob = await issue({ scope: 'acme/web/bob' })
    expect([await verdict(ada.key), await verdict(bob.key)]).toEqual(['ada', 'bob'])
    const parts = ada.jwt.split('.')
    const others = bob.jwt.split('.')
    // A token's first two parts are what a careless cache keys on.
    expect(await verdict([parts[0], parts[1], others[2]].join('.'))).toBe(unknown)
    expect(await verdict([parts[0], others[1], parts[2]].join('.'))).toBe(unknown)
    const same = (await keys.rotate(ada.record.id, { overlapMillis: 0 })) as typeof ada
    // One id, one beginning, another secret.
    expect(same.key.slice(0, 21)).toBe(ada.key.slice(0, 21))
    expect(await verdict(ada.key)).toContain('was rotated')
  })

  test('a key that another replica has rotated is taken in its new secret at once, though the old one is remembered', async () => {
    const store = keyStore()
    const clock = manualClock()
    const [here, there] = [keyBench({}, store, clock), keyBench({}, store, clock)]
    const first = await here.issue()
    expect([await here.verdict(first.key), await there.verdict(first.key)]).toEqual(['ada', 'ada'])
    clock.advance(10)
    const second = (await there.keys.rotate(first.record.id, { overlapMillis: hour })) as typeof first
    expect([await here.verdict(second.jwt), await here.verdict(second.key), await here.verdict(first.key)]).toEqual(['ada', 'ada', 'ada'])
  })

  test('secrets that are made up for an id that is known cost one look-up a second', async () => {
    const { store, clock, keys, issue, verdict } = keyBench({ cacheMillis: 60_000 })
    const { key, record } = await issue()
    await verdict(key)
    const format = new KeyFormat('sluice', 'live')
    const random = seededRandom(9)
    for (let index = 0; index < 600; index += 1) {
      clock.advance(5)
      expect(await keys.verify(format.write(record.id, newKeySecret(random)).text)).toBeUndefined()
    }
    expect([store.lookUps.length, await verdict(key)]).toEqual([4, 'ada'])
  })

  test('a clock that is set back makes no answer fresher', async () => {
    const store = keyStore()
    let now = Date.UTC(2026, 10, 24)
    const keys = virtualKeys({ ring: store.ring, scopes: store.scopes, pepper, clock: { now: () => now, after: () => () => undefined } })
    const { key } = (await keys.issue({ scope: 'acme/web/ada' })) as { key: string }
    await keys.verify(key)
    now -= 10 * 60_000
    expect(await keys.verify(key)).toBeDefined()
    expect(store.lookUps).toHaveLength(2)
  })
})

test.each([
  ['virtualKeys.pepper', { pepper: 'x'.repeat(31) }],
  ['virtualKeys.pepper', { pepper: new Secret('short') }],
  ['virtualKeys.prefix', { prefix: 'sk-ant-api03' }],
  ['virtualKeys.environment', { environment: 'Live' }],
  ['virtualKeys.cacheMillis', { cacheMillis: 0 }],
  ['virtualKeys.lookUpMillis', { lookUpMillis: 1.5 }],
  ['virtualKeys.lastKnownGoodMillis', { lastKnownGoodMillis: -1 }],
])('a wrong %s is refused by name, without its value where that is a secret', (option, wrong) => {
  const build = () => keyBench(wrong)
  expect(build).toThrow(expect.objectContaining({ name: 'ConfigurationError', option }))
  expect(build).not.toThrow(/xxxxx|short/)
})

test('an overlap that is none is refused', async () => {
  const { keys, issue } = keyBench()
  const { record } = await issue()
  for (const overlapMillis of [-1, 1.5, NaN, Infinity]) await expect(keys.rotate(record.id, { overlapMillis })).rejects.toThrow(ConfigurationError)
})

test('the defaults are the documented ones', () => {
  expect(defaultVirtualKeyOptions).toEqual({ prefix: 'sluice', environment: 'live', cacheMillis: 5_000, lastKnownGoodMillis: 900_000, lookUpMillis: 2_000 })
})

test('R21: keys, tokens and the pepper are in no record, no error, no fault and nothing that prints the verifier', async () => {
  const { keys, store, clock, faults, issue } = keyBench()
  const first = await issue({ expiresAt: clock.now() + hour })
  const second = (await keys.rotate(first.record.id, { overlapMillis: 10 })) as typeof first
  const seen: string[] = []
  const note = async (doing: Promise<unknown>): Promise<void> => {
    await doing.catch((error: unknown) => {
      expect(GatewayError.is(error) || ConfigurationError.is(error)).toBe(true)
      const { message, stack, cause } = error as Error
      seen.push(message, stack ?? '', JSON.stringify(error), String(cause))
    })
  }
  const credentials = [first.key, first.jwt, second.key, second.jwt]
  const tryAll = async (): Promise<void> => {
    for (const credential of credentials) await note(keys.verify(credential))
  }
  clock.advance(10)
  await tryAll()
  store.mode = 'fails'
  clock.advance(899_000)
  await tryAll()
  clock.advance(10_000)
  await tryAll()
  store.mode = 'answers'
  clock.advance(2_700_000)
  await tryAll()
  await keys.revoke(first.record.id, { reason: 'x', isLeaked: true })
  await tryAll()
  await note(keys.rotate(first.record.id, { overlapMillis: -1 }))
  await note(keys.issue({ scope: first.key.repeat(3) }))
  seen.push(JSON.stringify([...store.records.values()]), JSON.stringify(faults), JSON.stringify(keys), ...store.lookUps, keys.mask(first.key))
  const all = seen.join('\n')
  expect(seen.length).toBeGreaterThan(20)
  const secrets = [first.key, second.key].map((key) => key.split('_')[3] as string)
  for (const canary of [
    ...secrets,
    ...secrets.map((secret) => secret.slice(-38, -20)),
    ...[first.jwt, second.jwt].flatMap((jwt) => jwt.split('.').slice(1)),
    pepper,
  ])
    expect(all.includes(canary)).toBe(false)
})
