/** A scenario's name with the options it was asked for. */
export interface ScenarioSelection {
  readonly name: string
  readonly options: ScenarioOptions
}

/** Options as given, keys in lowerCamelCase: `after-frames=3` and `afterFrames=3` are the same. */
export class ScenarioOptions {
  readonly #values: ReadonlyMap<string, string>

  constructor(entries: Iterable<readonly [string, string]> = []) {
    this.#values = new Map([...entries].map(([key, value]) => [camel(key), value]))
  }

  has(name: string): boolean {
    return this.#values.has(name)
  }

  text(name: string, fallback: string): string {
    return this.#values.get(name) ?? fallback
  }

  /** A number that is not negative; anything else yields the fallback. */
  number(name: string, fallback: number): number {
    const value = Number(this.#values.get(name) ?? Number.NaN)
    return Number.isFinite(value) && value >= 0 ? value : fallback
  }

  whole(name: string, fallback: number): number {
    return Math.floor(this.number(name, fallback))
  }

  flag(name: string, fallback: boolean): boolean {
    const value = this.#values.get(name)
    return value === undefined ? fallback : !['0', 'false', 'no', 'off'].includes(value)
  }
}

/** The request header that selects a scenario. */
export const SCENARIO_HEADER = 'x-rehearsal-scenario'

/** Reads a header such as `cut; after-frames=3; how=fin`. */
export function parseSelection(text: string): ScenarioSelection | undefined {
  const [name = '', ...parts] = text.split(';').map((part) => part.trim())
  if (!/^[a-z][a-z0-9-]*$/.test(name)) return undefined
  return { name, options: new ScenarioOptions(parts.filter((part) => part !== '').map(pair)) }
}

/** Finds the last `[[rehearse NAME key=value …]]` in a prompt; values may be quoted. */
export function parseDirective(prompt: string): ScenarioSelection | undefined {
  const directive = [...prompt.matchAll(/\[\[rehearse\s+([a-z][a-z0-9-]*)((?:\s+[\w-]+=(?:"[^"]*"|[^\s\]]+))*)\s*\]\]/g)].at(-1)
  if (directive === undefined) return undefined
  const parts = [...(directive[2] ?? '').matchAll(/([\w-]+)=(?:"([^"]*)"|([^\s\]]+))/g)]
  return {
    name: directive[1] ?? '',
    options: new ScenarioOptions(parts.map((part) => [part[1] ?? '', part[2] ?? part[3] ?? ''])),
  }
}

function pair(part: string): [string, string] {
  const equals = part.indexOf('=')
  return equals < 0 ? [part, '1'] : [part.slice(0, equals).trim(), part.slice(equals + 1).trim()]
}

const camel = (key: string): string => key.replace(/-([a-z0-9])/g, (_match, letter: string) => letter.toUpperCase())
