import { stripVTControlCharacters } from 'node:util'

/** A column of a {@link table}. */
export interface Column {
  readonly title: string
  /** @defaultValue 'left' */
  readonly align?: 'left' | 'right'
}

/** Rows under their titles, aligned; a last row of totals is set off by a line. Cells may hold colours. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[], totals?: readonly string[]): string {
  const all = [...rows, ...(totals === undefined ? [] : [totals])]
  const widths = columns.map(({ title }, at) => Math.max(widthOf(title), ...all.map((row) => widthOf(row[at] ?? ''))))
  const line = (cells: readonly string[]): string =>
    columns
      .map(({ align }, at) => padded(cells[at] ?? '', widths[at] as number, align))
      .join('  ')
      .trimEnd()
  const rule = widths.map((width) => '─'.repeat(width)).join('  ')
  return [line(columns.map(({ title }) => title)), rule, ...rows.map(line), ...(totals === undefined ? [] : [rule, line(totals)])].join('\n')
}

/** Text filled up with spaces to a width. */
export function padded(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const fill = ' '.repeat(Math.max(0, width - widthOf(text)))
  return align === 'right' ? fill + text : text + fill
}

function widthOf(text: string): number {
  return Array.from(stripVTControlCharacters(text)).length
}
