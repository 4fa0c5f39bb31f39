import type { KeyRecord, KeySecret } from '../../ports/key-ring.ts'

export const callers = 50

/** Text that careless stores mangle, refuse, or take for something else. */
export const hostileTexts: readonly string[] = [
  'nul \0 inside',
  'lone high \ud83d surrogate',
  '\udc00 lone low',
  'family 👩‍👩‍👧 and flag 🇪🇺',
  `quotes ' " \` '' "" \\' \\"`,
  "'; drop table keys; --",
  '100%_\\',
  '%_*?[a-z] like',
  '$1 ${value} {{value}} :name @name',
  'lines\r\n\t\u2028\u2029 and \u0007 controls',
  'null',
  '{"json":true}',
  'é as one, e\u0301 as two',
  ' space before and after ',
  'l'.repeat(1_000),
]

/** Names beside one that a careless LIKE, GLOB, prefix or case-folding takes for it: the first is asked for, only it may be found. */
export const confusableNames: readonly (readonly [asked: string, ...others: string[]])[] = [
  ['100%', '1000', '100%x', '100x'],
  ['a_c', 'abc', 'a__c', 'a-c'],
  ['x\\', 'x', 'x\\\\', 'x\\y'],
  ['100%_\\', '100%_', '100%_\\\\', '100xx\\'],
  ['acme', 'Acme', 'ACME', 'acme-web', 'acme.', 'acm', 'acme0'],
  ['g*', 'ga', 'g', 'g?'],
  ['[ab]', 'a', 'b'],
  ["o'b", 'ob', "o''b"],
]

/** In order by code point; JavaScript's `<` and most collations have another. */
export const namesInOrder: readonly string[] = ['+', '0', '10', '9', 'A', 'Z', '_', 'a', 'a0', 'aa', 'b', 'é', '\uff5e', '\u{1f600}']

let count = 0

/** A key, with parts as given; its id is a new one unless given. */
export function sampleKey(parts: Partial<KeyRecord> = {}): KeyRecord {
  count += 1
  const id = parts.id ?? `k${String(count).padStart(7, '0')}`
  return {
    id,
    name: `key ${id}`,
    developer: 'ada',
    scope: 'acme/web/ada',
    tags: {},
    restrictions: {},
    createdAt: sampleInstant,
    secrets: [sampleSecret(`first of ${id}`)],
    ...parts,
  }
}

export const sampleInstant: number = Date.UTC(2026, 10, 24, 12, 0, 0, 7)

export function sampleSecret(hash: string, createdAt: number = sampleInstant): KeySecret {
  return { hash, createdAt }
}

/** Overwrites whatever is not frozen, all the way down. */
export function vandalise(value: object): void {
  for (const [key, part] of Object.entries(value)) {
    if (typeof part === 'object' && part !== null) vandalise(part)
    else Reflect.set(value, key, typeof part === 'number' ? -1 : 'vandalised')
  }
  Reflect.set(value, 'added', true)
}

/** Resolves after so many turns, so that callers come one right behind another. */
export async function turns(number: number): Promise<void> {
  for (let turn = 0; turn < number; turn += 1) await Promise.resolve()
}
