import { z } from 'zod'
import { UsageError } from '../errors.ts'
import type { Flags } from '../flags/flags.ts'

/** Where a setting was found, strongest first. */
export type Layer = 'flag' | 'environment' | 'file' | 'default'

/** A setting's value and where it came from. */
export interface Given<Value> {
  readonly value: Value
  readonly layer: Layer
  /** As the user wrote it: `--port`, `SLUICE_PORT`, `port in sluice.config.ts`. */
  readonly origin: string
}

/** One setting of `sluice start`, in all the places it can be given. */
export interface SettingSpec<Value> {
  /** Name in the configuration file. */
  readonly key: string
  readonly flag?: string
  /** Absent for a switch. */
  readonly placeholder?: string
  readonly env: string
  readonly about: string
  /** Makes the value of a flag or variable into what the schema checks. */
  readonly read: (text: string) => unknown
  /** Reads a flag that may be given several times. */
  readonly readList?: (texts: readonly string[]) => unknown
  readonly schema: z.ZodType<Value>
  /** What to give instead. */
  readonly fix: string
  /** Whether a refused value may not be shown. */
  readonly isSecret?: (seen: string) => boolean
}

/** Reads a text. */
export const asText = (text: string): unknown => text.trim()

/** Reads a number without a sign; what is none, the schema refuses. */
export const asNumber = (text: string): unknown => (/^\d+(?:\.\d+)?$/.test(text.trim()) ? Number(text) : Number.NaN)

const words: Readonly<Record<string, boolean>> = { '1': true, true: true, yes: true, '0': false, false: false, no: false }

/** What is the same in every switch. */
export const asSwitch: Pick<SettingSpec<boolean>, 'read' | 'schema' | 'fix'> = {
  read: (text) => words[text.trim().toLowerCase()] ?? text,
  schema: z.boolean(),
  fix: 'Give 1 or 0.',
}

/** The places settings come from. */
export interface SettingSources {
  readonly flags: Flags
  readonly environment: Readonly<Record<string, string | undefined>>
  /** The configuration file's object and name, where there is one. */
  readonly file?: { readonly name: string; readonly config: Readonly<Record<string, unknown>> }
}

/**
 * A setting's value from the strongest place that gives it: flag, environment, file.
 *
 * @throws UsageError naming the place, what was seen, and the fix
 */
export function given<Value>(spec: SettingSpec<Value>, sources: SettingSources): Given<Value> | undefined {
  const { flag, env, key } = spec
  if (flag !== undefined && sources.flags.has(flag)) {
    const texts = sources.flags.list(flag)
    const raw = spec.readList?.(texts) ?? (spec.placeholder === undefined ? true : spec.read(texts.at(-1) ?? ''))
    return checked(spec, raw, texts.at(-1), 'flag', `--${flag}`)
  }
  const variable = sources.environment[env]
  // An empty variable is one that was unset the only way some shells and compose files can.
  if (variable !== undefined && variable !== '') return checked(spec, spec.read(variable), variable, 'environment', env)
  const configured = sources.file?.config[key]
  if (configured !== undefined) return checked(spec, configured, configured, 'file', `${key} in ${sources.file?.name ?? 'the configuration file'}`)
  return undefined
}

/** Like {@link given}, with a default. */
export function givenOr<Value>(spec: SettingSpec<Value>, sources: SettingSources, value: Value): Given<Value> {
  return given(spec, sources) ?? { value, layer: 'default', origin: `the default of ${spec.flag === undefined ? spec.key : `--${spec.flag}`}` }
}

function checked<Value>(spec: SettingSpec<Value>, raw: unknown, seen: unknown, layer: Layer, origin: string): Given<Value> {
  const result = spec.schema.safeParse(raw)
  if (result.success) return { value: result.data, layer, origin }
  throw new UsageError(`${origin}: ${spec.isSecret?.(String(seen)) === true ? 'the value (not shown) is not usable' : `saw ${shown(seen)}`}. ${spec.fix}`)
}

function shown(value: unknown): string {
  const text =
    typeof value === 'string'
      ? JSON.stringify(value)
      : value instanceof Object
        ? `a value of type ${Array.isArray(value) ? 'array' : typeof value}`
        : String(value)
  return text.length > 120 ? `${text.slice(0, 119)}…` : text
}
