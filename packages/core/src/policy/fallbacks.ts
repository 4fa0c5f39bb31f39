import type { Policy, PolicyFallback, PolicyTarget } from './policy-document.ts'

/** Who stands in for an upstream, nearest first, those that stand in for its stand-ins included. Never the upstream itself, and nobody twice. */
export type Fallbacks = ReadonlyMap<string, readonly PolicyTarget[]>

/** A chain of fallbacks that leads back to where it began, or names one twice. */
export class FallbackError extends Error {
  override readonly name: string = 'FallbackError'
  /** The upstream whose fallbacks are at fault. */
  readonly upstream: string

  constructor(upstream: string, message: string) {
    super(message)
    this.upstream = upstream
  }
}

/** The chains of a document. @throws FallbackError */
export function compileFallbacks({ upstreams = {} }: Policy): Fallbacks {
  const listed = new Map(
    Object.entries(upstreams).map(([name, { fallbacks = [] }]) => [name, fallbacks.map((given) => (typeof given === 'string' ? { upstream: given } : given))]),
  )
  const done = new Set<string>()
  for (const [name, fallbacks] of listed) {
    const seen = new Set<string>()
    for (const target of fallbacks) {
      if (seen.has(keyOf(target))) throw new FallbackError(name, `names "${target.upstream}" twice. Name it once`)
      seen.add(keyOf(target))
    }
    checkNoCycle(name, listed, [name], done)
  }
  return new Map([...listed.keys()].map((name) => [name, chainOf(name, listed)]))
}

type Listed = ReadonlyMap<string, readonly PolicyFallback[]>

function checkNoCycle(name: string, listed: Listed, path: readonly string[], done: Set<string>): void {
  if (done.has(name)) return
  for (const { upstream, last = false } of listed.get(name) ?? []) {
    // A chain that ends there leads nowhere, not even to where it began; but nobody stands in for itself.
    if (last && upstream !== name) continue
    if (path.includes(upstream))
      throw new FallbackError(path[0] as string, `lead in a circle: ${[...path, upstream].join(', ')}. ${advice(path.at(-1), upstream)}`)
    checkNoCycle(upstream, listed, [...path, upstream], done)
  }
  done.add(name)
}

function advice(from: string | undefined, to: string): string {
  if (from === to) return 'Take it out'
  return `Take one of them out, or where they are to stand in for each other, end the chain: write { "upstream": "${to}", "last": true } for "${to}" among those of "${from}"`
}

/** Breadth first: what was named for the upstream itself goes before what was named for its fallbacks. */
function chainOf(name: string, listed: Listed): readonly PolicyTarget[] {
  const chain: PolicyTarget[] = []
  const seen = new Set<string>()
  const waiting: PolicyFallback[] = [...(listed.get(name) ?? [])]
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const { upstream, model, last = false } = next
    if (upstream === name || seen.has(keyOf(next))) continue
    seen.add(keyOf(next))
    chain.push({ upstream, ...(model !== undefined && { model }) })
    if (last) continue
    waiting.push(...(listed.get(upstream) ?? []).map((next) => (next.model === undefined && model !== undefined ? { ...next, model } : next)))
  }
  return chain
}

function keyOf({ upstream, model }: PolicyTarget): string {
  return `${upstream ?? ''} ${model ?? ''}`
}
