import type { Fault, LedgerEntry } from '@sluice/core'
import { systemCodeOf } from '../errors.ts'
import { toExchangeJson } from '@sluice/admin'
import { printable, type Terminal } from '../terminal.ts'
import { exchangeLine, exchangeTitles } from './exchange-line.ts'
import { lineWriter, type LineWriter } from './line-writer.ts'

/** What `sluice start` says while it runs. Nothing that it writes holds a secret or prompt text. */
export interface StartLog {
  /** Where the gateway listens: the first line on stdout, and the one that programs wait for. */
  readonly listening: (url: string) => void
  /** Something the operator should know, or the state of stopping. */
  readonly notice: (message: string) => void
  readonly exchange: (entry: LedgerEntry) => void
  readonly fault: (fault: Fault) => void
}

/** What a log needs. */
export interface StartLogOptions {
  readonly terminal: Pick<Terminal, 'style' | 'now'>
  readonly stdout: NodeJS.WriteStream
  readonly stderr: NodeJS.WriteStream
  readonly timeZone: string
}

/** One JSON object a line, all on stdout. */
export function jsonLog({ stdout, terminal }: StartLogOptions): StartLog {
  const toLine = (event: string, fields: object): string => JSON.stringify({ event, time: new Date(terminal.now()).toISOString(), ...fields })
  const out = lineWriter(stdout, (dropped) => toLine('log-lines-dropped', { dropped }))
  return {
    listening: (url) => out.write(toLine('listening', { url })),
    notice: (message) => out.write(toLine('notice', { message })),
    exchange: (entry) => out.write(toLine('exchange', toExchangeJson(entry))),
    fault: ({ code, message, exchangeId, source, cause }) =>
      out.write(toLine('fault', { code, message, exchangeId: exchangeId ?? null, source: source ?? null, cause: cause === undefined ? null : causeOf(cause) })),
  }
}

/** Lines for people: exchanges on stdout, notices and faults on stderr. */
export function textLog({ stdout, stderr, terminal, timeZone }: StartLogOptions): StartLog {
  const dropNotice = (dropped: number): string => `… ${dropped} lines were dropped: their reader was too slow`
  const out: LineWriter = lineWriter(stdout, dropNotice)
  const err: LineWriter = lineWriter(stderr, dropNotice)
  let hasTitles = false
  return {
    listening: (url) => out.write(`listening on ${url}`),
    notice: (message) => err.write(message),
    exchange: (entry) => {
      if (!hasTitles) out.write(exchangeTitles(terminal))
      hasTitles = true
      out.write(exchangeLine(entry, terminal, timeZone))
    },
    fault: ({ code, message, exchangeId, source, cause }) => {
      const details = [source, exchangeId, cause === undefined ? undefined : causeOf(cause).name, causeOf(cause).code, causeOf(cause).at].filter(
        (part) => part !== undefined && part !== null,
      )
      err.write(terminal.style('red', printable(`fault ${code}: ${message}${details.length === 0 ? '' : ` (${details.join(', ')})`}`, 500)))
    },
  }
}

/** What can be said of a cause without its message, which may quote a prompt or a key: its kind, its code, and where it was thrown. */
function causeOf(cause: unknown): { readonly name: string; readonly code: string | null; readonly at: string | null } {
  if (!(cause instanceof Error)) return { name: typeof cause, code: null, at: null }
  const at = cause.stack
    ?.split('\n')
    .find((line) => /^\s+at /.test(line))
    ?.trim()
    .slice(3)
  return { name: cause.name, code: systemCodeOf(cause) ?? null, at: at ?? null }
}
