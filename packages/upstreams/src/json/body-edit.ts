import { applyPatches, RequestBody, type PatchedBody, type Splice } from '@sluice/core'
import { pathsBelow, removeFields, type FieldPath } from './field-paths.ts'
import type { Item } from './json-values.ts'
import { spansOf } from './removal.ts'

interface TopLevelItem extends Item {
  readonly key: string
  readonly valueStart: number
}

const quote = 0x22
const openBrace = 0x7b
const encoder = new TextEncoder()
const noBytes: Uint8Array = new Uint8Array(0)

/**
 * Changes of a JSON object's bytes, collected and then made in one go: members out, members in, values replaced. Every other byte stays what it was.
 * Each change has a name under which the settlement lists its span.
 */
export class BodyEdit {
  readonly body: RequestBody
  readonly #dialect: string
  readonly #removed = new Map<string, string>()
  readonly #inserted: { readonly key: string; readonly json: string }[] = []
  readonly #splices: (Splice & { readonly name: string })[] = []

  /** @param dialect - named first in every note, since its offsets are those of the body that came in to the dialect */
  constructor(chunks: readonly Uint8Array[], dialect: string) {
    this.body = new RequestBody(...chunks)
    this.#dialect = dialect
  }

  /** True where the body is a JSON object: nothing else can be edited. */
  get isObject(): boolean {
    return this.body.scan.kind === 'object'
  }

  /** Takes out every member with this key. */
  remove(key: string, name: string = key): this {
    if (this.body.member(key) !== undefined) this.#removed.set(key, `${this.#dialect}:${name}`)
    return this
  }

  /** Sets a member: in place where there is one, every one where it is repeated; else before all others. */
  set(key: string, value: unknown): this {
    const json = JSON.stringify(value)
    const members = this.body.members(key)
    if (members.length === 0) this.#inserted.push({ key, json })
    for (const { start, end } of members) this.splice(key, { start, end, replacement: encoder.encode(json) })
    return this
  }

  /** Any other change, inside a member that stays. */
  splice(name: string, splice: Splice): this {
    this.#splices.push({ ...splice, name: `${this.#dialect}:${name}` })
    return this
  }

  /** Takes out the fields that the paths lead to. A note says in which member, and why: `system stripped`. */
  removeFields(paths: readonly FieldPath[], why: string): this {
    const scan = this.body.scan
    if (scan.kind !== 'object') return this
    for (const { key, start, end } of scan.members) {
      const below = pathsBelow(paths, key)
      if (below.length === 0 || this.#removed.has(key)) continue
      const name = `${key} ${why}`
      if (below.some((path) => path.length === 0)) {
        this.remove(key, name)
        continue
      }
      const { spans, isEmptied } = removeFields(this.body.range(start, end), 0, below)
      if (isEmptied) this.remove(key, name)
      else for (const span of spans) this.splice(name, { start: start + span.start, end: start + span.end, replacement: noBytes })
    }
    return this
  }

  /** The edited body. Where nothing changes, the very arrays that came in. */
  apply(chunks: readonly Uint8Array[]): PatchedBody {
    const splices = [...this.#splices.filter(({ start }) => !this.#isInRemoved(start)), ...this.#atTopLevel()]
    if (splices.length === 0) return { chunks, notes: [] }
    return applyPatches(
      this.body,
      splices.map(({ name, ...splice }) => ({ name, splices: () => [splice] })),
    )
  }

  #isInRemoved(at: number): boolean {
    return [...this.#removed.keys()].some((key) => this.body.members(key).some(({ start, end }) => at >= start && at < end))
  }

  #atTopLevel(): readonly (Splice & { readonly name: string })[] {
    if (this.#removed.size === 0 && this.#inserted.length === 0) return []
    const { items, open } = this.#items()
    const isRemoved = ({ key }: TopLevelItem): boolean => this.#removed.has(key)
    const removals = spansOf(items, isRemoved).map(({ item, start, end }) => ({
      name: this.#removed.get(item.key) as string,
      start,
      end,
      replacement: noBytes,
    }))
    const at = items[0]?.start ?? open + 1
    const hasMore = items.some((item) => !isRemoved(item))
    const insertions = this.#inserted.map(({ key, json }, index) => {
      const needsComma = hasMore || index < this.#inserted.length - 1
      return { name: `${this.#dialect}:${key}`, start: at, end: at, replacement: encoder.encode(`${JSON.stringify(key)}:${json}${needsComma ? ',' : ''}`) }
    })
    return [...insertions, ...removals]
  }

  /** Top-level members with the place of their keys: the first quote after the member before. */
  #items(): { readonly items: readonly TopLevelItem[]; readonly open: number } {
    const scan = this.body.scan
    const members = scan.kind === 'object' ? scan.members : []
    const open = this.body.range(0, members[0]?.start ?? this.body.length).indexOf(openBrace)
    let before = open + 1
    const items = members.map(({ key, start, end }) => {
      const item = { key, start: before + this.body.range(before, start).indexOf(quote), valueStart: start, end }
      before = end
      return item
    })
    return { items, open }
  }
}
