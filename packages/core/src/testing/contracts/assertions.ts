/** Fails with what was expected and what was seen. Deep; a property that is undefined and one that is absent are the same. */
export function assertEqual(actual: unknown, expected: unknown, what: string): void {
  const path = firstDifference(actual, expected, '')
  if (path === undefined) return
  throw new Error(`${what}: ${path === '' ? 'it' : path} differs.\n  expected ${print(expected)}\n  but saw  ${print(actual)}`)
}

/** Fails unless the promise rejects with an error of that name. */
export async function assertRejects(promise: Promise<unknown>, errorName: string, what: string): Promise<void> {
  try {
    await promise
  } catch (error) {
    const name = error instanceof Error ? error.name : typeof error
    if (name === errorName) return
    throw new Error(`${what}: expected a ${errorName}, but saw ${name}: ${String(error)}`, { cause: error })
  }
  throw new Error(`${what}: expected a ${errorName}, but it resolved`)
}

/** Path of the first part that differs; undefined where none does. */
function firstDifference(actual: unknown, expected: unknown, path: string): string | undefined {
  if (Object.is(actual, expected)) return undefined
  if (typeof actual !== 'object' || typeof expected !== 'object' || actual === null || expected === null) return path
  if (Array.isArray(actual) !== Array.isArray(expected)) return path
  if (Array.isArray(actual) && Array.isArray(expected) && actual.length !== expected.length) return `${path}.length`
  for (const key of new Set([...Object.keys(actual), ...Object.keys(expected)])) {
    const found = firstDifference(ownValue(actual, key), ownValue(expected, key), `${path}.${key}`)
    if (found !== undefined) return found
  }
  return undefined
}

function ownValue(holder: object, key: string): unknown {
  return Object.getOwnPropertyDescriptor(holder, key)?.value
}

function print(value: unknown): string {
  const text = JSON.stringify(value, (_key, part: unknown) => (typeof part === 'bigint' ? `${part}n` : part)) ?? String(value)
  return text.length > 1_500 ? `${text.slice(0, 1_500)}… (${text.length} characters)` : text
}
