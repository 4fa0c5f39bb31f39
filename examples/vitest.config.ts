import { defineConfig } from 'vitest/config'

export default defineConfig({
  resolve: { conditions: ['sluice-source'] },
  ssr: { resolve: { conditions: ['sluice-source'] } },
  test: { name: 'examples', include: ['*/*.test.ts'], testTimeout: 30_000 },
})
