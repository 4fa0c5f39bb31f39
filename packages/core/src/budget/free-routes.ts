/** Methods that create nothing. */
const readingMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'DELETE'])
/** https://docs.claude.com/en/api: what else may be posted, and is not billed. */
const freePaths = /^\/v1\/(?:messages\/count_tokens|messages\/batches\/[\w-]+\/cancel|(?:files|skills)(?:\/[\w.-]+)*)$/

/** True for a request that no upstream bills. What is not known is not free: an upstream may serve it by a model, under whatever spelling. */
export function isFree(method: string, path: string): boolean {
  return readingMethods.has(method) || freePaths.test(path)
}
