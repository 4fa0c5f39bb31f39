/** What differs between the runtimes, found once. The only file that asks which one this is. */

interface Surroundings {
  readonly Deno?: object
  readonly navigator?: { readonly userAgent?: string }
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
  readonly destroy: () => unknown
  readonly on: (event: 'data' | 'end' | 'close' | 'error', listener: (value: never) => void) => unknown
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

const noCodings: ReadonlySet<string> = new Set()
const denoCodings: ReadonlySet<string> = new Set(['gzip', 'br'])
const nodeCodings: ReadonlySet<string> = new Set(codingsOfNode())

/** Codings that this runtime's `fetch` takes off a body although it keeps the header. Bun and workerd are told not to; Deno does not for `identity`. */
export function decodedCodings(acceptEncoding: string): ReadonlySet<string> {
  return surroundings.Deno !== undefined && acceptEncoding !== 'identity' ? denoCodings : nodeCodings
}

function codingsOfNode(): Iterable<string> {
  // Others have a `process` too; only Node says that it is Node.
  if (surroundings.navigator?.userAgent?.startsWith('Node.js/') !== true) return noCodings
  const [major = 0, minor = 0] = (surroundings.process?.versions?.undici ?? '').split('.').map(Number)
  const known = ['gzip', 'x-gzip', 'deflate', 'br']
  // nodejs/undici#4238, released in 7.11 (Node 24.4).
  return major > 7 || (major === 7 && minor >= 11) ? [...known, 'zstd'] : known
}
