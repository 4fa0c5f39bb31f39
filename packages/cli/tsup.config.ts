import { defineConfig } from 'tsup'

// Without splitting there are no chunks whose names change, which `clean: false` (tsc writes its declarations here too) would let pile up.
export default defineConfig({
  entry: ['src/index.ts', 'src/main.ts'],
  format: ['esm'],
  splitting: false,
  dts: false,
  sourcemap: true,
  clean: false,
  target: 'es2023',
})
