import type { Policy, PolicyTarget } from './policy-document.ts'

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

type Listed = ReadonlyMap<string, readonly { readonly upstream: string; readonly model?: string }[]>

function checkNoCycle(name: string, listed: Listed, path: readonly string[], done: Set<string>): void {
  if (done.has(name)) return
  for (const { upstream } of listed.get(name) ?? []) {
    if (path.includes(upstream)) throw new FallbackError(path[0] as string, `lead in a circle: ${[...path, upstream].join(', ')}. Take one of them out`)
    checkNoCycle(upstream, listed, [...path, upstream], done)
  }
  done.add(name)
}

/** Breadth first: what was named for the upstream itself goes before what was named for its fallbacks. */
function chainOf(name: string, listed: Listed): readonly PolicyTarget[] {
  const chain: PolicyTarget[] = []
  const seen = new Set<string>()
  const waiting: PolicyTarget[] = [...(listed.get(name) ?? [])]
  for (let target = waiting.shift(); target !== undefined; target = waiting.shift()) {
    if (seen.has(keyOf(target))) continue
    seen.add(keyOf(target))
    chain.push(target)
    const { upstream = '', model } = target
    waiting.push(...(listed.get(upstream) ?? []).map((next) => (next.model === undefined && model !== undefined ? { ...next, model } : next)))
  }
  return chain
}

function keyOf({ upstream, model }: PolicyTarget): string {
  return `${upstream ?? ''} ${model ?? ''}`
}
