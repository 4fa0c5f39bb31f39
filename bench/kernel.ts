import { readdirSync, readFileSync } from 'node:fs'

/** A process and all its descendants. */
export function processTree(pid: number): readonly number[] {
  const tree = [pid]
  for (const each of tree) tree.push(...childrenOf(each))
  return tree
}

/** CPU time that the tree has used since it began, by the kernel's own books: to the nanosecond, and the same for every runtime and language. */
export function cpuMicros(pid: number): number {
  return processTree(pid).reduce((sum, each) => sum + ownCpuMicros(each), 0)
}

/** Memory that the tree holds in RAM. What processes share counts once for each. */
export function residentBytes(pid: number): number {
  return processTree(pid).reduce((sum, each) => sum + Number(/^VmRSS:\s+(\d+) kB/m.exec(read(`/proc/${each}/status`))?.[1] ?? 0) * 1024, 0)
}

function ownCpuMicros(pid: number): number {
  let nanos = 0
  for (const task of tasksOf(pid)) nanos += Number(read(`/proc/${pid}/task/${task}/schedstat`).split(' ', 1)[0])
  return nanos / 1000
}

function childrenOf(pid: number): readonly number[] {
  return tasksOf(pid).flatMap((task) => read(`/proc/${pid}/task/${task}/children`).split(' ').filter(Boolean).map(Number))
}

function tasksOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
  } catch {
    // It has ended; it uses no more.
    return []
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    // A thread may end between being listed and being read.
    return ''
  }
}
