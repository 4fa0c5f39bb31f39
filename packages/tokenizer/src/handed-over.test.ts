import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { expect, test } from 'vitest'
import { tiktokenTokenizer } from './tiktoken-tokenizer.ts'

/** Its values are no part of the types that Node's programs have. */
const { instantiate } = Reflect.get(globalThis, 'WebAssembly') as {
  readonly instantiate: (bytes: Uint8Array, imports: object) => Promise<{ readonly instance: object }>
}

test('where a runtime cannot load it by itself, it runs on what is handed over', async () => {
  const bytes = await readFile(createRequire(import.meta.url).resolve('tiktoken/lite/tiktoken_bg.wasm'))
  const tokenizer = await tiktokenTokenizer({ instantiate: async (imports) => (await instantiate(bytes, imports)).instance })
  expect(await tokenizer.count(['Hello, world'])).toBe(3)
})
