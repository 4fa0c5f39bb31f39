import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { bench, eventStream } from '../../test/gateway-bench.ts'
import { sharedFolder } from '../../test/shared-material.ts'
import { toBuckets } from '../meter/usage-reducer.ts'
import { splitAt } from '../../test/json-arbitraries.ts'

const corpus = sharedFolder('corpus')

interface Recording {
  readonly name: string
  readonly bytes: Uint8Array
  readonly contentType: string
  /** The usage that the official SDK rebuilt; undefined where it refused the stream. */
  readonly usage: Record<string, unknown> | undefined
}

function recordings(file: string, contentType: string): readonly Recording[] {
  if (corpus === undefined) return []
  return readdirSync(corpus, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith(`/${file}`))
    .toSorted()
    .map((path) => {
      const final = join(corpus, path.replace(file, 'final.json'))
      const { message } = existsSync(final) ? (JSON.parse(readFileSync(final, 'utf8')) as { message?: { usage?: Record<string, unknown> } | null }) : {}
      return { name: path.replace(`/${file}`, ''), bytes: new Uint8Array(readFileSync(join(corpus, path))), contentType, usage: message?.usage }
    })
}

const streams = recordings('response.sse', 'text/event-stream; charset=utf-8')
const binaryStreams = recordings('response.eventstream', 'application/vnd.amazon.eventstream')
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
/** Every single offset up to here; random multi-splits beyond. */
const everyOffsetUpTo = 20 * 1024

async function relayed(
  bodies: readonly (readonly Uint8Array[])[],
  contentType: string,
): Promise<readonly { readonly digest: string; readonly usage: unknown; readonly outcome: string }[]> {
  const { send } = bench((index) => ({ headers: [['content-type', contentType]], body: bodies[index] as readonly Uint8Array[] }))
  const results = []
  for (let index = 0; index < bodies.length; index += 1) {
    const { settlement, sink } = await send()
    results.push({ digest: sha256(sink.bytes()), usage: settlement.usage.total, outcome: settlement.outcome.kind })
  }
  return results
}

describe.skipIf(streams.length === 0)('R2, R13: recorded streams', () => {
  it.each(streams)(
    '$name passes byte-identical at every split, and its usage is what the official SDK found',
    { timeout: 120_000 },
    async ({ bytes, contentType, usage }) => {
      const splits: (readonly Uint8Array[])[] = [[bytes]]
      for (let offset = 1; offset < Math.min(bytes.length, everyOffsetUpTo); offset += 1) splits.push([bytes.subarray(0, offset), bytes.subarray(offset)])
      let seed = bytes.length
      const random = (): number => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648)
      for (let round = 0; round < (bytes.length > everyOffsetUpTo ? 1_000 : 20); round += 1) splits.push(splitAt(bytes, Array.from({ length: 12 }, random)))
      const expected = sha256(bytes)
      const results = await relayed(splits, contentType)
      expect(results.filter(({ digest }) => digest !== expected)).toEqual([])
      expect(new Set(results.map((result) => JSON.stringify(result))).size).toBe(1)
      if (usage !== undefined) expect(results[0]?.usage).toEqual(toBuckets(usage).buckets)
    },
  )

  it.each(binaryStreams)('$name, a binary event stream, passes byte-identical in random pieces', async ({ bytes, contentType }) => {
    const results = await relayed(
      Array.from({ length: 50 }, (_, round) =>
        splitAt(
          bytes,
          Array.from({ length: round }, (_cut, index) => (round * 7_919 + index * 104_729) % bytes.length),
        ),
      ),
      contentType,
    )
    expect(results.filter(({ digest }) => digest !== sha256(bytes))).toEqual([])
  })
})

describe.skipIf(corpus === undefined)('R7, B5: recorded streams that break', () => {
  const sample = streams.filter(({ bytes, usage }) => usage !== undefined && bytes.length < 6_000).filter((_, index) => index % 4 === 0)
  it.each(sample)('$name, broken at every eleventh byte, keeps whole frames and ends with one valid error', { timeout: 60_000 }, async ({ bytes }) => {
    const offsets = Array.from({ length: Math.floor(bytes.length / 11) }, (_, index) => index * 11)
    const { send } = bench((index) => ({ headers: eventStream, body: [bytes.subarray(0, offsets[index])], breakWith: new Error('reset') }))
    for (const offset of offsets) {
      const { settlement, sink } = await send()
      const text = sink.text()
      const whole = text.lastIndexOf('event: error\n')
      expect(new TextDecoder().decode(bytes).startsWith(text.slice(0, whole))).toBe(true)
      expect(text.slice(0, whole)).toMatch(/^$|\n\n$|\r\n\r\n$/)
      expect(JSON.parse(text.slice(text.indexOf('data: ', whole) + 6))).toMatchObject({ type: 'error', error: { type: 'api_error' } })
      expect({ offset, outcome: settlement.outcome.kind, state: sink.state }).toEqual({ offset, outcome: 'upstream-truncated', state: 'closed' })
    }
  })
})
