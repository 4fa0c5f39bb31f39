import type { Reporter, TestModule } from 'vitest/node'

/** Ends a run with one plain line, `N passed, N failed, N skipped`, and names what was skipped and why it says so. */
export default class PlainReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const counts = { passed: 0, failed: 0, skipped: 0, pending: 0 }
    let brokenModules = 0
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        counts[state] += 1
        if (state === 'skipped') console.log(`skipped: ${test.fullName}`)
      }
      if (module.state() === 'failed' && module.errors().length > 0) brokenModules += 1
    }
    console.log(`${counts.passed} passed, ${counts.failed + counts.pending + brokenModules + unhandledErrors.length} failed, ${counts.skipped} skipped`)
  }
}
