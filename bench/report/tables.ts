import type { BenchRun } from '../run.ts'

/** A table of a report: the first column names the rows. */
export interface Table {
  readonly title: string
  /** A sentence or two on what is shown. */
  readonly about: string
  readonly columns: readonly string[]
  readonly rows: readonly (readonly string[])[]
  /** What a chart shows of it; absent where a table is enough. */
  readonly chart?: Chart
}

/** Bars in groups: one group a category, one bar a series. */
export interface Chart {
  readonly unit: string
  readonly categories: readonly string[]
  readonly series: readonly { readonly name: string; readonly values: readonly (number | null)[] }[]
}

/** A run as tables, in the order of reports. */
export function tablesOf(run: BenchRun): readonly Table[] {
  return [
    cpuByBody(run),
    cpuByFrames(run),
    growth(run),
    latency(run, 'addedFirstByteMillis'),
    latency(run, 'addedPerEventMillis'),
    memory(run),
    stalls(run),
    micro(run),
    money(run),
  ].filter(({ rows }) => rows.length > 0)
}

const usualFrames = 300
const usualKilobytes = 350

function cpuByBody(run: BenchRun): Table {
  const of = run.speed.filter(({ frames }) => frames === usualFrames)
  const sizes = [...new Set(of.map(({ kilobytes }) => kilobytes))].toSorted((one, other) => one - other)
  return cpuTable(run, {
    title: 'CPU per exchange, by body',
    about: `Milliseconds of CPU time, all threads and child processes of the target, at ${usualFrames} frames a reply and 16 exchanges in flight. In brackets, times the bare pipe in the same rounds.`,
    names: sizes.map(bodyName),
    find: (target, index) => of.find((result) => result.target === target && result.kilobytes === sizes[index]),
  })
}

function cpuByFrames(run: BenchRun): Table {
  const of = run.speed.filter(({ kilobytes }) => kilobytes === usualKilobytes)
  const counts = [...new Set(of.map(({ frames }) => frames))].toSorted((one, other) => one - other)
  const table = cpuTable(run, {
    title: 'CPU per exchange, by length of the reply',
    about: `The same at bodies of ${usualKilobytes} KB.`,
    names: counts.map((count) => `${count.toLocaleString('en-GB')} frames`),
    find: (target, index) => of.find((result) => result.target === target && result.frames === counts[index]),
  })
  return counts.length > 1 ? table : { ...table, rows: [] }
}

interface CpuTable {
  readonly title: string
  readonly about: string
  readonly names: readonly string[]
  readonly find: (target: string, index: number) => BenchRun['speed'][number] | undefined
}

function cpuTable(run: BenchRun, { title, about, names, find }: CpuTable): Table {
  const rows = run.targets.map((target) => [
    target.title,
    ...names.map((_, index) => {
      const result = find(target.id, index)
      if (result === undefined) return '–'
      return result.cpuRatio === null ? short(result.cpuMillis) : `${short(result.cpuMillis)} (${result.cpuRatio.toFixed(2)}×)`
    }),
    `${find(target.id, names.length === 1 ? 0 : Math.floor(names.length / 2))?.perSecondPerCore ?? '–'}`,
  ])
  const middle = names[names.length === 1 ? 0 : Math.floor(names.length / 2)] ?? ''
  const series = run.targets.map((target) => ({ name: target.title, values: names.map((_, index) => find(target.id, index)?.cpuMillis ?? null) }))
  return { title, about, columns: ['', ...names, `a second per core, ${middle}`], rows, chart: { unit: 'ms', categories: names, series } }
}

function growth(run: BenchRun): Table {
  const cell = (target: string, by: 'body' | 'frames'): readonly string[] => {
    const found = run.growth.find((result) => result.target === target && result.with === by)
    return found === undefined ? ['–', '–'] : [found.exponent.toFixed(2), found.atTheEnd.toFixed(2)]
  }
  return {
    title: 'How cost grows',
    about: 'The exponent of the best power law: 1 is linear, below 1 a fixed cost is still seen. “At the end” is between the two largest sizes.',
    columns: ['', 'with the body, from 100 KB', 'at the end', 'with frames', 'at the end'],
    rows: run.growth.length === 0 ? [] : run.targets.map(({ id, title }) => [title, ...cell(id, 'body'), ...cell(id, 'frames')]),
  }
}

function latency(run: BenchRun, what: 'addedFirstByteMillis' | 'addedPerEventMillis'): Table {
  const isFirst = what === 'addedFirstByteMillis'
  const rows = run.latency.map((result) => [titleOf(run, result.target), short(result[what].p50), short(result[what].p99)])
  const pick = (share: 'p50' | 'p99'): { readonly name: string; readonly values: readonly number[] } => ({
    name: share,
    values: run.latency.map((result) => result[what][share]),
  })
  return {
    title: isFirst ? 'Added time to the first byte' : 'Delay added to each event',
    about: isFirst
      ? `Milliseconds more than without a gateway, at ${usualKilobytes} KB, one exchange at a time.`
      : 'Milliseconds more than without a gateway, of streams with an event every 10 ms, several at a time. What is below the noise may be less than nothing.',
    columns: ['', 'p50', 'p99'],
    rows,
    chart: { unit: 'ms', categories: run.latency.map(({ target }) => titleOf(run, target)), series: [pick('p50'), pick('p99')] },
  }
}

function memory(run: BenchRun): Table {
  const counts = [...new Set(run.memory.flatMap(({ levels }) => levels.map(({ streams }) => streams)))].toSorted((one, other) => one - other)
  const at = (result: BenchRun['memory'][number], streams: number): number | undefined =>
    result.levels.find((level) => level.streams === streams)?.kilobytesPerStream
  const names = counts.map((count) => `${count.toLocaleString('en-GB')} streams`)
  return {
    title: 'Memory per open stream',
    about:
      'Kilobytes of resident memory for each stream that waits for its next event, by how many are open; as the kernel sees it, uncollected garbage included. Each target was started afresh, this project’s own processes and the bare pipe with a young generation of at most 16 MB, as npm start has it. The last column is this project’s own processes after a forced collection.',
    columns: ['', 'idle, MB', ...names, 'collected'],
    rows: run.memory.map((result) => [
      titleOf(run, result.target),
      String(Math.round(result.idleMegabytes)),
      ...counts.map((count) => short(at(result, count) ?? Number.NaN)),
      short(result.collectedKilobytesPerStream ?? Number.NaN),
    ]),
    chart: {
      unit: 'KB',
      categories: names,
      series: run.memory.map((result) => ({ name: titleOf(run, result.target), values: counts.map((count) => at(result, count) ?? null) })),
    },
  }
}

function stalls(run: BenchRun): Table {
  return {
    title: 'Longest stall of the event loop',
    about: 'Milliseconds, while bodies of 2 MB come in four at a time; of this project’s own processes.',
    columns: ['', 'ms'],
    rows: run.stalls.map(({ target, longestStallMillis }) => [titleOf(run, target), short(longestStallMillis)]),
  }
}

function micro(run: BenchRun): Table {
  return {
    title: 'Pieces of the hot path',
    about: 'Microseconds of CPU time by themselves, beside what one would take instead.',
    columns: ['', 'by', 'µs', 'for each'],
    rows: run.micro.map(({ what, by, microseconds, per }) => [what, by, short(microseconds), per]),
  }
}

function money(run: BenchRun): Table {
  return {
    title: 'Decisions on one budget that everybody draws on',
    about: 'A decision is a reservation and its settlement, by one process, 64 at a time. “Leased” takes shares of the budget ahead.',
    columns: ['', 'a second', 'µs of CPU each'],
    rows: (run.money ?? []).map(({ what, perSecond, cpuMicrosEach }) => [what, perSecond.toLocaleString('en-GB'), short(cpuMicrosEach)]),
  }
}

function titleOf(run: BenchRun, id: string): string {
  return run.targets.find((target) => target.id === id)?.title ?? id
}

function bodyName(kilobytes: number): string {
  return kilobytes < 1_024 ? `${kilobytes} KB` : `${kilobytes / 1_024} MB`
}

/** Three digits that matter. */
function short(value: number): string {
  if (Number.isNaN(value)) return '–'
  const size = Math.abs(value)
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2)
}
