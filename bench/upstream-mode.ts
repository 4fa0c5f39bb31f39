import type { UpstreamMode } from './processes/upstream.ts'

const usual: UpstreamMode = { frames: 300, gapMillis: 0, isClock: false, isHeld: false }

/** Tells the upstream what to do with every call from now on. */
export async function setMode(upstreamUrl: string, mode: Partial<UpstreamMode>): Promise<void> {
  const answer = await fetch(`${upstreamUrl}/__mode`, { method: 'POST', body: JSON.stringify({ ...usual, ...mode }) })
  await answer.arrayBuffer()
}
