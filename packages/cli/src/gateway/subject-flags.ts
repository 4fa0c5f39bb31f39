import { UsageError } from '../errors.ts'
import type { Flags, FlagSpecs } from '../flags/flags.ts'

/** Flags that say what a budget or a limit counts. All that are given must hold. */
export const subjectFlags: FlagSpecs = {
  scope: { value: 'PATH', about: 'this scope and everything below it' },
  tag: { value: 'NAME=VALUE', about: 'a tag; repository and session are what an exchange was attributed to' },
  key: { value: 'ID', about: 'a key' },
  model: { value: 'M', about: 'a model: an exact id, or a prefix that ends in *' },
}

/** A subject as the admin API takes it. @throws UsageError where none is named, or a tag has no value */
export function subjectOf(flags: Flags): Readonly<Record<string, unknown>> {
  const subject: Record<string, unknown> = {}
  for (const name of ['scope', 'key', 'model']) {
    const text = flags.text(name)
    if (text !== undefined) subject[name] = text
  }
  const tag = flags.text('tag')
  if (tag !== undefined) {
    const at = tag.indexOf('=')
    if (at < 1 || at === tag.length - 1) throw new UsageError(`--tag: saw "${tag}". Give NAME=VALUE, such as repository=acme/web.`)
    subject['tag'] = { name: tag.slice(0, at), value: tag.slice(at + 1) }
  }
  if (Object.keys(subject).length === 0) throw new UsageError('say what is counted: --scope, --tag, --key or --model.')
  return subject
}

/** A subject in words. */
export function subjectText(subject: unknown): string {
  const { scope, key, tag, model } = (subject ?? {}) as { scope?: string; key?: string; tag?: { name: string; value: string }; model?: string }
  return [
    scope,
    key === undefined ? undefined : `key ${key}`,
    tag === undefined ? undefined : `${tag.name}=${tag.value}`,
    model === undefined ? undefined : `model ${model}`,
  ]
    .filter((part) => part !== undefined)
    .join(', ')
}

/** A whole number above 0, as text. @throws UsageError */
export function wholeNumber(flag: string, text: string): string {
  if (!/^[1-9]\d{0,17}$/.test(text)) throw new UsageError(`--${flag}: saw "${text}". Give a whole number above 0.`)
  return text
}

/** A percentage, as a number. @throws UsageError */
export function percentage(flag: string, text: string): number {
  if (!/^\d{1,4}(?:\.\d{1,3})?%?$/.test(text) || Number.parseFloat(text) === 0)
    throw new UsageError(`--${flag}: saw "${text}". Give a percentage above 0, such as 80.`)
  return Number.parseFloat(text)
}

/** Prints warnings of an answer to stderr. */
export function tellWarnings(answer: Readonly<Record<string, unknown>>, warn: (line: string) => void): void {
  for (const { message } of (answer['warnings'] ?? []) as readonly { message: string }[]) warn(`warning: ${message}`)
}
