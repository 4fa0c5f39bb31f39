import { afterAll, beforeAll, expect, test } from 'vitest'
import { laneId, LANE_ID_PATTERN } from './lane.ts'
import { json, messageBody } from './replies.ts'
import { startScriptedUpstream, type ScriptedUpstream } from './scripted-upstream.ts'

let upstream: ScriptedUpstream

beforeAll(async () => {
  upstream = await startScriptedUpstream()
})

afterAll(() => upstream.close())

test('lane ids are UUIDs that are found anywhere in a text', () => {
  const id = laneId(new Uint8Array(11).fill(0xab))
  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/)
  expect(LANE_ID_PATTERN.exec(`user_x_session_${id}"`)?.[0]).toBe(id)
})

test('a request finds its lane by the session header, the query, the body, and else as the only one that is open', async () => {
  const one = upstream.lane(json('"one"'), 1000)
  const two = upstream.lane(json('"two"'), 1000)
  const ask = async (path: string, headers: Readonly<Record<string, string>>, body: string): Promise<unknown> =>
    (await fetch(`${upstream.url}${path}`, { method: 'POST', headers, body })).json()
  expect(await ask('/', { 'x-claude-code-session-id': one.id }, messageBody(two.id))).toBe('one')
  expect(await ask(`/?lane=${two.id}`, {}, '')).toBe('two')
  expect(await ask('/', {}, messageBody(two.id))).toBe('two')
  const before = upstream.strays()
  expect(await ask('/', {}, '{}')).toMatchObject({ type: 'error' })
  expect(upstream.strays()).toBe(before + 1)
  two.close()
  expect(await ask('/', {}, '{}')).toBe('one')
  // What belongs to a lane that is over is nobody else's.
  expect(await ask('/', {}, messageBody(two.id))).toMatchObject({ type: 'error' })
  one.close()
})

test('an upstream that is down refuses connections, and takes them again on the same port', async () => {
  const lane = upstream.lane(json('"back"'), 1000)
  const { resume } = await upstream.down()
  await expect(fetch(upstream.url)).rejects.toThrow()
  await resume()
  expect(await (await fetch(`${upstream.url}/?${lane.id}`)).json()).toBe('back')
  lane.close()
})

test('a script that throws is a fault of the lane, and the connection is closed', async () => {
  const lane = upstream.lane(() => Promise.reject(new Error('oops')), 1000)
  await expect(fetch(`${upstream.url}/?${lane.id}`)).rejects.toThrow()
  expect(lane.faults).toHaveLength(1)
  lane.close()
})

test('a request that does not come is said to be missing', async () => {
  const lane = upstream.lane(json('{}'), 30)
  await expect(lane.request()).rejects.toThrow('the upstream got 0 of 1 expected requests')
  lane.close()
})
