import { escaped } from '../../packages/conformance/src/peers/page.ts'
import type { Chart } from './tables.ts'

const labelWidth = 230
const valueWidth = 70
const width = 760
const barHeight = 16
const gap = 4
const groupGap = 18
const titleHeight = 20

/** How many series there is a colour for. */
const colours = 9

/**
 * Horizontal bars as SVG, each with its name and its value beside it, so that nothing hangs on colour. The scale is of each group: what is compared is
 * who costs what at one size.
 */
export function barChart(chart: Chart, label: string): string {
  const isFew = chart.series.length <= 2
  const groups = isFew
    ? [
        {
          title: '',
          bars: chart.categories.flatMap((name, index) =>
            chart.series.map((each, colour) => ({ name: `${name}, ${each.name}`, value: each.values[index] ?? null, colour })),
          ),
        },
      ]
    : chart.categories.map((title, index) => ({
        title,
        bars: chart.series.map(({ name, values }, colour) => ({ name, value: values[index] ?? null, colour })),
      }))
  let y = 0
  const parts: string[] = []
  for (const { title, bars } of groups) {
    if (title !== '') {
      parts.push(`<text class="group" x="0" y="${y + 14}">${escaped(title)}</text>`)
      y += titleHeight
    }
    const most = Math.max(...bars.map(({ value }) => value ?? 0), Number.EPSILON)
    for (const { name, value, colour } of bars) {
      const long = (Math.max(0, value ?? 0) / most) * (width - labelWidth - valueWidth)
      const shown = value === null ? 'not measured' : `${digits(value)} ${chart.unit}`
      parts.push(
        `<text class="name" x="${labelWidth - 8}" y="${y + 12}">${escaped(name)}</text>`,
        value === null
          ? ''
          : `<rect class="c${colour % colours}" x="${labelWidth}" y="${y}" width="${Math.max(1, long).toFixed(1)}" height="${barHeight}" rx="2"/>`,
        `<text x="${(labelWidth + Math.max(1, long) + 6).toFixed(1)}" y="${y + 12}">${shown}</text>`,
      )
      y += barHeight + gap
    }
    y += groupGap
  }
  return `<svg viewBox="0 0 ${width} ${y - groupGap}" role="img" aria-label="${escaped(`${label}. The table below holds the same figures.`)}">${parts.join('')}</svg>`
}

function digits(value: number): string {
  const size = Math.abs(value)
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2)
}

/** Colours that stay apart in light and in dark, for those who see few of them too: bars carry their names. */
export const chartStyle: string = `
svg { width: 100%; min-width: 34rem; height: auto; font: 12px system-ui, sans-serif; fill: var(--ink); }
svg .name { text-anchor: end; } svg .group { font-weight: 600; font-size: 13px; }
.c0 { fill: #7d8790; } .c1 { fill: #0b6e99; } .c2 { fill: #1487c4; } .c3 { fill: #4aa3d8; } .c4 { fill: #0a4f86; } .c5 { fill: #c9621c; } .c6 { fill: #9a4d9f; } .c7 { fill: #b38600; } .c8 { fill: #4c8c4a; }
@media (prefers-color-scheme: dark) { .c1 { fill: #38a3cf; } .c2 { fill: #5bbbee; } .c3 { fill: #8fd0f2; } .c4 { fill: #3c82c4; } .c5 { fill: #f09a5c; } .c6 { fill: #c98acd; } .c7 { fill: #dcb43c; } .c8 { fill: #84c282; } }
`
