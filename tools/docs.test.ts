import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { describe, expect, it } from 'vitest'
import { GatewayError, type GatewayErrorCode } from '../packages/core/src/errors.ts'
import { start } from '../packages/cli/src/commands/start.ts'
import { run } from '../packages/cli/src/commands/run.ts'
import { report } from '../packages/cli/src/commands/report.ts'
import { exchanges } from '../packages/cli/src/commands/exchanges.ts'
import { doctor } from '../packages/cli/src/commands/doctor.ts'
import { flaggedSpecs, graceSpec } from '../packages/cli/src/start/setting-specs.ts'
import { runRehearsal } from '../packages/rehearsal/src/main.ts'
import { readPackagePages, readPages, root, withQuotedFiles, type Page } from './docs.ts'

const pages = readPages()
const source = (path: string): string => readFileSync(join(root, path), 'utf8')
const page = (path: string): string => (pages.find((candidate) => candidate.path === path) as Page).text

/** Text outside of code, where links are links. */
const prose = (text: string): string => text.replace(/```[\s\S]*?```/g, '').replace(/`[^`\n]*`/g, (code) => code.replaceAll(/[[\]]/g, ' '))
const links = (text: string): readonly (readonly [string, string])[] =>
  [...prose(text).matchAll(/\[([^\]]+)\]\(([^)\s]+)\)/g)].map(([, label, target]) => [label as string, target as string])
const headings = (text: string): readonly string[] => [...text.replace(/```[\s\S]*?```/g, '').matchAll(/^#+ (.+)$/gm)].map(([, title]) => title as string)
const anchor = (title: string): string =>
  title
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-')

/** The members of a closed union of strings, as the source spells it. */
function union(path: string, name: string): readonly string[] {
  const declaration = new RegExp(`export type ${name} =([\\s\\S]*?)\\n(?:\\n|/\\*\\*)`).exec(source(path))?.[1] ?? ''
  return [...declaration.matchAll(/'([\w-]+)'/g)].map(([, member]) => member as string)
}

/** The part of a page under a heading of the second level. */
function section(text: string, title: string): string {
  return text.split(/^## /m).find((part) => part.startsWith(`${title}\n`)) ?? ''
}

/** The first cells of the rows of the table that has this header, code marks taken off. */
function table(text: string, header: string): readonly (readonly string[])[] {
  const rows = text.slice(text.indexOf(header)).split('\n\n', 1)[0] as string
  return rows
    .trimEnd()
    .split('\n')
    .slice(2)
    .map((row) =>
      row
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll('`', '')),
    )
}

const rehearsalHelp: string[] = []
await runRehearsal(['--help'], { write: (text) => void rehearsalHelp.push(text) })
const flagsOf: Readonly<Record<string, readonly string[]>> = {
  start: Object.keys(start.flags),
  run: Object.keys(run.flags),
  report: Object.keys(report.flags),
  exchanges: Object.keys(exchanges.flags),
  doctor: Object.keys(doctor.flags),
  rehearse: [...rehearsalHelp.join('\n').matchAll(/^ *--([\w-]+)/gm)].map(([, flag]) => flag as string),
}

describe('every page', () => {
  it.each([...pages, ...readPackagePages()])('$path quotes example files as they are', ({ path, text }) => {
    expect(text, 'run: node tools/docs.ts').toBe(withQuotedFiles({ path, text }))
  })

  it.each([...pages, ...readPackagePages()])('$path has no link into the void', ({ path, text }) => {
    const broken = links(text).filter(([, target]) => {
      if (target.startsWith('https://')) return false
      const [file, fragment] = target.split('#') as [string, string?]
      const place = file === '' ? path : relative(root, join(root, dirname(path), file))
      if (!existsSync(join(root, place))) return true
      return fragment !== undefined && !headings(source(place)).some((title) => anchor(title) === fragment)
    })
    expect(broken).toEqual([])
  })

  it.each(pages)('$path names no test that is not there', ({ path, text }) => {
    const unknown = links(text).filter(([label, target]) => {
      if (!/\.test\.ts$|^(?:\.\.\/)*behaviour\/cases\//.test(target) || !label.includes(' ')) return false
      const code = source(relative(root, join(root, dirname(path), target)))
      return !code.includes(label) && !code.includes(label.replaceAll("'", "\\'"))
    })
    expect(unknown).toEqual([])
  })

  it.each([...pages, ...readPackagePages()])('$path calls the command with flags that it has', ({ text }) => {
    const calls = [...text.matchAll(/(?:sluice -- |\bsluice )(start|run|report|exchanges|doctor|rehearse)\b([^`\n]*)|npm start --([^`\n]*)/g)]
    const unknown = calls.flatMap(([call, command = 'start', rest, ofStart]) => {
      const [own = ''] = (rest ?? ofStart ?? '').split(/ -- |[|()]/)
      return [...own.matchAll(/(?<=\s)--([a-z][\w-]*)/g)]
        .filter(([, flag]) => !(flagsOf[command] as readonly string[]).includes(flag as string))
        .map(([, flag]) => `${call}: ${flag}`)
    })
    expect(unknown).toEqual([])
  })

  it.each([...pages, ...readPackagePages()])('$path shows no path of anybody’s machine', ({ text }) => {
    expect(text).not.toMatch(/\/(?:home|Users|root|work)\/\w/)
  })
})

describe('lists', () => {
  it.each(Object.keys(flagsOf))('docs/cli.md has every flag of sluice %s, and no other', (command) => {
    const [rows = ''] = section(page('docs/cli.md'), `sluice ${command}`).split('### ')
    const cells = [...rows.matchAll(/^\| (`--[^|]*)\|/gm)].map(([, cell]) => cell as string).join(' ')
    expect([...cells.matchAll(/--([\w-]+)/g)].map(([, flag]) => flag as string).toSorted()).toEqual(
      (flagsOf[command] as readonly string[]).filter((flag) => flag !== 'help').toSorted(),
    )
  })

  it('docs/cli.md has every variable of sluice start, and its name in the file', () => {
    for (const { env, key } of [...flaggedSpecs, graceSpec])
      expect(section(page('docs/cli.md'), 'sluice start')).toMatch(new RegExp(`\`${env}\` \\| \`${key}\``))
  })

  it('D6: no page tells anybody to turn the attribution header off without saying for which upstreams alone', () => {
    const lines = [...pages, ...readPackagePages()].flatMap(({ text }) => text.split('\n').filter((line) => line.includes('CLAUDE_CODE_ATTRIBUTION_HEADER')))
    expect(lines.length).toBeGreaterThan(0)
    for (const line of lines) expect(line).toContain("only for upstreams that are not Anthropic's")
  })

  it('docs/errors.md has every error with its status and type, in order', () => {
    const codes = union('packages/core/src/errors.ts', 'GatewayErrorCode') as readonly GatewayErrorCode[]
    expect(codes.length).toBeGreaterThan(10)
    const expected = codes.map((code) => {
      const { status, type } = new GatewayError(code, '')
      return [code, String(status), type]
    })
    const rows = table(page('docs/errors.md'), '| code | status |')
    expect(rows.map(([code, status, type]) => [code, status, type])).toEqual(expected)
    expect(rows.filter(([, , , advice]) => (advice ?? '').length < 10)).toEqual([])
  })

  it('docs/errors.md has every fault, in order', () => {
    const rows = table(page('docs/errors.md'), '| code | what it means |')
    expect(rows.map(([code]) => code)).toEqual(union('packages/core/src/errors.ts', 'FaultCode'))
  })

  it.each([
    ['docs/attribution.md', '| source | what', 'packages/core/src/entry/attribution.ts', 'AttributionSource'],
    ['docs/attribution.md', '| kind | what', 'packages/core/src/entry/attribution.ts', 'RequestKind'],
    ['docs/metering-and-prices.md', '| source | when', 'packages/core/src/meter/usage.ts', 'UsageSource'],
    ['docs/reports.md', '| dimension | what', 'packages/core/src/ports/ledger.ts', 'ReportDimension'],
  ])('%s has every one of %s', (path, header, file, name) => {
    const members = union(file, name)
    expect(members.length).toBeGreaterThan(3)
    expect(
      table(page(path), header)
        .flatMap(([cell]) => (cell as string).split(', '))
        .toSorted(),
    ).toEqual(members.toSorted())
  })

  it('docs/embedding.md has every option of a gateway', () => {
    const options = /export interface GatewayOptions \{([\s\S]*?)\n\}/.exec(source('packages/core/src/gateway.ts'))?.[1] ?? ''
    const names = [...options.matchAll(/readonly (\w+)\??:/g)].map(([, name]) => name)
    expect(table(page('docs/embedding.md'), '| option of `createGateway`').map(([name]) => name)).toEqual(names)
  })

  it('ARCHITECTURE.md has the layers of core in the order that is enforced', () => {
    const order = /coreOrder = \[([^\]]*)\]/.exec(source('tools/architecture.test.ts'))?.[1] ?? ''
    expect(table(page('ARCHITECTURE.md'), '| layer |').map(([layer]) => layer)).toEqual([...order.matchAll(/'([\w-]+)'/g)].map(([, layer]) => layer))
  })

  it.each(readdirSync(join(root, 'packages')))('packages/%s/README.md has an example and a way to install it', (name) => {
    const { text } = readPackagePages().find(({ path }) => path === join('packages', name, 'README.md')) as Page
    expect(text).toMatch(/^```ts$/m)
    expect(text).toMatch(new RegExp(`npm install .*@sluice/${name}\\b`))
  })

  it('README.md has every package, and docs/index.md every page and decision', () => {
    for (const name of readdirSync(join(root, 'packages'))) expect(page('README.md')).toContain(`[@sluice/${name}](packages/${name})`)
    for (const { path } of pages)
      if (path.startsWith('docs/') && path !== 'docs/index.md') expect(page('docs/index.md')).toContain(`](${relative('docs', path)})`)
  })
})
