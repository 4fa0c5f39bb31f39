import type { CaseContext } from '../case.ts'
import type { Header } from '../headers.ts'

/** A head as raw text, from the headers that a client of this target sends. */
export function rawHead(context: CaseContext, lane: string, line: string, extra: readonly Header[], without: readonly string[] = []): string {
  const dropped = new Set([...without, ...extra.map(([name]) => name)].map((name) => name.toLowerCase()))
  const own = context.clientHeaders({ lane, body: '' }).filter(([name]) => name.toLowerCase() !== 'content-length' && !dropped.has(name.toLowerCase()))
  return `${line}\r\n${[...own, ...extra].map(([name, value]) => `${name}: ${value}`).join('\r\n')}\r\n\r\n`
}
