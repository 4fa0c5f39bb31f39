import { homedir } from 'node:os'
import { styleText } from 'node:util'

/** A colour, or `bold` or `dim`. */
export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan'

/** Everything a command sees of the process that runs it, so that a test can run a command in its own. */
export interface Terminal {
  /** Writes a line to stdout. */
  readonly write: (line: string) => void
  /** Writes a line to stderr. */
  readonly warn: (line: string) => void
  /** Styles text for stdout; leaves it plain where that is not a terminal, or NO_COLOR is set. */
  readonly style: (style: Style, text: string) => string
  readonly isInteractive: boolean
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly directory: string
  readonly home: string
  readonly now: () => number
}

/** The terminal of this process. A reader of stdout that has gone away ends nothing. */
export function processTerminal(): Terminal {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
  const isInteractive = process.stdout.isTTY
  const hasColour = isInteractive && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb'
  return {
    write: (line) => void process.stdout.write(`${line}\n`),
    warn: (line) => void process.stderr.write(`${line}\n`),
    style: (style, text) => (hasColour ? styleText(style, text, { validateStream: false }) : text),
    isInteractive,
    environment: process.env,
    directory: process.cwd(),
    home: process.env['HOME'] ?? homedir(),
    now: Date.now,
  }
}

// oxlint-disable-next-line no-control-regex -- what must never reach a terminal are exactly these
const controlCharacters = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g

/** Text from outside, made safe to show on a terminal: no control sequences, no line breaks, no direction overrides, cut to a length. */
export function printable(text: string, maxLength = 200): string {
  const safe = text.replace(controlCharacters, '�')
  return safe.length > maxLength ? `${safe.slice(0, maxLength - 1)}…` : safe
}
