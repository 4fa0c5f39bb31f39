import { defineConfig } from 'tsup'

export default defineConfig({ entry: ['src/index.ts', 'src/main.ts'], format: ['esm'], dts: false, sourcemap: true, clean: false, target: 'es2023' })
