import { elementsAt, membersAt, textAt, type Member } from './json-values.ts'
import { spansOf, type Span } from './removal.ts'

/**
 * Where body fields stand, as text in a capability table:
 * `context_management`, `output_config.effort`, `tools[].defer_loading` (of every tool), `messages[].content[type=tool_addition]` (every block of a type),
 * `system[text^=x-anthropic-billing-header:]` (every block whose text begins so), `**.cache_control.scope` (at any depth,
 * but for what is a tool's own).
 */
export type FieldPath = readonly Step[]

type Step =
  | { readonly kind: 'member'; readonly name: string }
  | { readonly kind: 'each'; readonly test: ElementTest | undefined }
  | { readonly kind: 'any-depth' }

/** What an element's member must say. */
interface ElementTest {
  readonly member: string
  readonly value: string
  readonly isStart: boolean
}

/** The steps of a path; undefined where the text is no path. */
export function parseFieldPath(text: string): FieldPath | undefined {
  const steps: Step[] = []
  for (const [index, part] of text.split('.').entries()) {
    if (part === '**') {
      if (index !== 0) return undefined
      steps.push({ kind: 'any-depth' })
      continue
    }
    const match = /^(\w+)(\[(?:(\w+)(\^?)=([\w:-]+))?\])?$/.exec(part)
    if (match === null) return undefined
    const [, name = '', each, member, isStart, value] = match
    steps.push({ kind: 'member', name })
    if (each !== undefined)
      steps.push({ kind: 'each', test: member === undefined || value === undefined ? undefined : { member, value, isStart: isStart === '^' } })
  }
  return steps.at(-1)?.kind === 'any-depth' ? undefined : steps
}

/** What stands below is a tool's, and none of the API's fields: its arguments, which a model has signed for, and its schema. */
const ofTools: ReadonlySet<string> = new Set(['input', 'input_schema'])

/** What is left of each path below a member of this key; a path of no steps means the member itself. */
export function pathsBelow(paths: readonly FieldPath[], key: string): readonly FieldPath[] {
  return paths.flatMap((path): readonly FieldPath[] => {
    const [first, ...rest] = path
    if (first?.kind === 'any-depth') return [...(ofTools.has(key) ? [] : [path]), ...pathsBelow([rest], key)]
    return first?.kind === 'member' && first.name === key ? [rest] : []
  })
}

/** What removing the fields takes, within one value. */
export interface FieldRemoval {
  readonly spans: readonly Span[]
  /** An object of which nothing is left: it goes as a whole. */
  readonly isEmptied: boolean
}

const nothing: FieldRemoval = { spans: [], isEmptied: false }

/** Finds the fields that the paths lead to in the value at `start`. Malformed JSON has none. */
export function removeFields(bytes: Uint8Array, start: number, paths: readonly FieldPath[]): FieldRemoval {
  if (paths.length === 0) return nothing
  const members = membersAt(bytes, start)
  if (members !== undefined) return fromObject(bytes, members, paths)
  const elements = elementsAt(bytes, start)
  if (elements === undefined) return nothing
  const inner: Span[] = []
  const removed = new Set<number>()
  for (const [index, element] of elements.entries()) {
    const below = pathsOfElement(bytes, element.start, paths)
    if (below.some((path) => path.length === 0)) removed.add(index)
    else inner.push(...removeFields(bytes, element.start, below).spans)
  }
  return { spans: [...spansOf(elements, (_, index) => removed.has(index)), ...inner], isEmptied: false }
}

function fromObject(bytes: Uint8Array, members: readonly Member[], paths: readonly FieldPath[]): FieldRemoval {
  const inner: Span[] = []
  const removed = new Set<Member>()
  for (const member of members) {
    const below = pathsBelow(paths, member.key)
    const removal = below.some((path) => path.length === 0) ? { spans: [], isEmptied: true } : removeFields(bytes, member.valueStart, below)
    if (removal.isEmptied) removed.add(member)
    else inner.push(...removal.spans)
  }
  return { spans: [...spansOf(members, (member) => removed.has(member)), ...inner], isEmptied: members.length > 0 && removed.size === members.length }
}

function pathsOfElement(bytes: Uint8Array, start: number, paths: readonly FieldPath[]): readonly FieldPath[] {
  return paths.flatMap((path) => {
    const [first, ...rest] = path
    if (first?.kind === 'any-depth') return [path]
    return first?.kind === 'each' && (first.test === undefined || passes(bytes, start, first.test)) ? [rest] : []
  })
}

function passes(bytes: Uint8Array, start: number, { member, value, isStart }: ElementTest): boolean {
  const found = membersAt(bytes, start)?.findLast(({ key }) => key === member)
  const text = found && textAt(bytes, found.valueStart, found.end)
  return text !== undefined && (isStart ? text.startsWith(value) : text === value)
}
