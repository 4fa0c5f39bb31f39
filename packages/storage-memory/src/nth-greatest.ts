/** The n-th greatest of the values, counted from 1; -Infinity where they are fewer, Infinity for no n. Fast where great values come first. */
export function nthGreatest(values: readonly number[], n: number): number {
  const count = Math.floor(n)
  if (!(count >= 1)) return Infinity
  if (values.length < count) return -Infinity
  let greatest: number[] = []
  let floor = -Infinity
  for (const value of values) {
    if (value <= floor) continue
    greatest.push(value)
    if (greatest.length < 2 * count + 100) continue
    greatest = greatest.sort(descending).slice(0, count)
    floor = greatest.at(-1) as number
  }
  return greatest.sort(descending)[count - 1] as number
}

function descending(left: number, right: number): number {
  return right - left
}
