import { defineConfig } from 'tsup'

export default defineConfig({
  entry: { index: 'src/index.ts', 'ledger/index': 'src/ledger/index.ts', 'policy/index': 'src/policy/index.ts', 'testing/index': 'src/testing/index.ts' },
  format: ['esm'],
  dts: false,
  sourcemap: true,
  clean: false,
  target: 'es2023',
})
