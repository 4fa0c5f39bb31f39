/** What a page is made of. */
export interface Page {
  readonly title: string
  /** Beside the common style. */
  readonly style: string
  /** HTML. */
  readonly body: string
}

/** A page that needs nothing but itself: no script, no font, no request; light or dark as the reader's system is. */
export function htmlPage({ title, style, body }: Page): string {
  return `<!doctype html>
<html lang="en-GB">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escaped(title)}</title>
<style>${commonStyle}${style}</style>
</head>
<body>
<main>
${body}
</main>
</body>
</html>
`
}

/** Text as it may stand in HTML, in an attribute too. */
export function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}

const commonStyle = `
:root { color-scheme: light dark; --ink: #1c2024; --quiet: #555d66; --paper: #ffffff; --raised: #f4f6f8; --line: #d8dde3;
  --pass: #14713d; --fail: #b3261e; --error: #9a5200; --skip: #69727c; --failed: #fbe9e7; --accent: #0b57d0; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --quiet: #a5aeb8; --paper: #14171a; --raised: #1e2327; --line: #39414a;
  --pass: #6fd39a; --fail: #ff8f86; --error: #ffb870; --skip: #98a2ad; --failed: #3a1f1d; --accent: #8ab4ff; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 72rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.6rem; line-height: 1.25; }
h2 { font-size: 1.2rem; margin-top: 2.2rem; }
a { color: var(--accent); }
p { max-width: 46rem; }
.quiet { color: var(--quiet); }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 6px; }
table { border-collapse: collapse; width: 100%; font-size: 0.9rem; }
caption { text-align: left; padding: 0.6rem 0.7rem; font-weight: 600; }
th, td { padding: 0.35rem 0.7rem; text-align: right; border-top: 1px solid var(--line); vertical-align: top; font-variant-numeric: tabular-nums; }
th:first-child, td:first-child { text-align: left; }
thead th { background: var(--raised); border-top: 0; font-weight: 600; }
tbody th { font-weight: 400; }
summary { cursor: pointer; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
`
