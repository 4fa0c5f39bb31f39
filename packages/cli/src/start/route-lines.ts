import { publicationText, type GivenPublication } from './policy-publication.ts'
import type { Balance } from './routing-setting.ts'

/** Where exchanges go, for the greeting; nothing where there is no choice. */
export function routeLines({ kind, current }: GivenPublication, names: readonly string[], balance: Balance): readonly string[] {
  const lines: string[] = []
  if (names.length > 1)
    lines.push(
      balance === 'by-session'
        ? `Sessions are shared out among ${names.join(', ')}; where one is out, the next takes over.`
        : `${names[0] ?? ''} serves; where it is out, ${names.slice(1).join(', then ')} ${names.length > 2 ? 'take' : 'takes'} over.`,
    )
  if (kind !== 'none' && current !== undefined) lines.push(`Requests are routed by policy ${publicationText(current)}.`)
  return lines
}
