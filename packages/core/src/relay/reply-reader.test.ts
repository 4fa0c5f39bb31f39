import { expect, it } from 'vitest'
import type { Fault } from '../errors.ts'
import { MessageMeter } from '../meter/message-meter.ts'
import type { DecoderFactory } from '../ports/runtime.ts'
import { systemHost } from '../host.ts'
import { Observers } from './observers.ts'
import { ReplyReader, type ReplyForm } from './reply-reader.ts'

function readerOf(form: ReplyForm, decoder: DecoderFactory): { readonly reader: ReplyReader; readonly faults: readonly Fault['code'][] } {
  const faults: Fault['code'][] = []
  const reader = new ReplyReader({
    form,
    coding: 'gzip',
    decoder,
    meter: new MessageMeter(),
    observers: new Observers(systemHost(), 'ex_1'),
    maxFrameBytes: 262_144,
    onFault: (code) => void faults.push(code),
  })
  return { reader, faults }
}

const expanded = new Uint8Array(8 * 1024 * 1024).fill(0x20)

it.each([
  ['events', 33, ['frame-too-large', 'decoder-failed']],
  ['json', 3, ['usage-unreadable']],
] as const)('a compressed %s reply that expands without end is decoded no further', async (form, decoded, told) => {
  let writes = 0
  let isStopped = false
  const { reader, faults } = readerOf(form, (_coding, onBytes) => ({
    write: () => {
      writes += 1
      onBytes(expanded)
    },
    end: () => new Promise(() => undefined),
    stop: () => {
      isStopped = true
    },
  }))
  for (let chunk = 0; chunk < 50; chunk += 1) reader.bytes(expanded.subarray(0, 10))
  await reader.end()
  expect([writes, isStopped, faults]).toEqual([decoded, true, told])
})

it('a decoder that cannot be made is a fault, and nothing else', async () => {
  const { reader, faults } = readerOf('json', () => {
    throw new Error('no such decoder')
  })
  reader.bytes(expanded)
  await reader.end()
  expect(faults).toEqual(['decoder-failed', 'decoder-failed'])
})
