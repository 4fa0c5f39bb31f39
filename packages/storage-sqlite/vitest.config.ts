import { defineConfig } from 'vitest/config'

export default defineConfig({
  resolve: { conditions: ['sluice-source'] },
  ssr: { resolve: { conditions: ['sluice-source'] } },
  // Files are written and processes started: on a busy machine that takes its time.
  test: { name: 'storage-sqlite', include: ['src/**/*.test.ts', 'test/**/*.test.ts'], testTimeout: 60_000 },
})
