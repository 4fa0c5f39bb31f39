const WORDS = (
  'the gateway relays every byte as it came and counts what each turn cost so that a team can see which session used ' +
  'which model before the bill arrives while the stream keeps its order its pings and its final usage untouched'
).split(' ')

/** Exactly `count` words of plausible text, the same every time. */
export function prose(count: number): string {
  const words: string[] = []
  for (let index = 0; index < count; index += 1) {
    const word = WORDS[index % WORDS.length] ?? 'byte'
    const starts = index % 12 === 0
    const ends = index % 12 === 11 || index === count - 1
    words.push(`${starts ? word.charAt(0).toUpperCase() + word.slice(1) : word}${ends ? '.' : ''}`)
  }
  return words.join(' ')
}
