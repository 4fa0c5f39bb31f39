/** What differs between the runtimes, found once. The only file that asks which one this is. */

interface Surroundings {
  readonly Bun?: object
  readonly Deno?: object
  readonly process?: {
    readonly versions?: { readonly undici?: string }
    readonly getBuiltinModule?: (name: string) => object | undefined
  }
}

const surroundings = globalThis as unknown as Surroundings

/** The part of `node:zlib` that is used where the runtime has it. */
export interface NodeZlib {
  readonly crc32?: (chunk: Uint8Array, previous: number) => number
  readonly createGunzip?: () => NodeTransform
  readonly createInflate?: () => NodeTransform
  readonly createBrotliDecompress?: () => NodeTransform
  readonly createZstdDecompress?: () => NodeTransform
}

/** The part of a node stream that is used. */
export interface NodeTransform {
  readonly write: (chunk: Uint8Array) => unknown
  readonly end: () => unknown
  readonly on: (event: 'data' | 'end' | 'error', listener: (value: never) => void) => unknown
}

/** `node:zlib` on Node, Bun, Deno, and workerd with `nodejs_compat`; undefined elsewhere. Not imported, so that nothing needs it to load. */
export const nodeZlib: NodeZlib | undefined = builtinZlib()

function builtinZlib(): NodeZlib | undefined {
  try {
    return surroundings.process?.getBuiltinModule?.('node:zlib')
  } catch {
    return undefined
  }
}

/** Codings that this runtime's `fetch` takes off a body although it keeps the header: only Node's. The others are told not to. */
export const decodedCodings: ReadonlySet<string> = new Set(codings())

function codings(): readonly string[] {
  if (surroundings.Bun !== undefined || surroundings.Deno !== undefined) return []
  const undici = surroundings.process?.versions?.undici
  if (undici === undefined) return []
  const [major, minor] = undici.split('.').map(Number) as [number, number]
  const known = ['gzip', 'x-gzip', 'deflate', 'br']
  // nodejs/undici#4238, released in 7.11 (Node 24.4).
  return major > 7 || (major === 7 && minor >= 11) ? [...known, 'zstd'] : known
}
