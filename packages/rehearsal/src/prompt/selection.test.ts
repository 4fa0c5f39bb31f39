import { describe, expect, it } from 'vitest'
import { parseDirective, parseSelection } from './selection.ts'

describe('choosing a scenario', () => {
  it('reads name and options from the header, kebab-case or camelCase', () => {
    const chosen = parseSelection('cut; after-frames=3; how=fin; verbose')
    expect(chosen?.name).toBe('cut')
    expect(chosen?.options.number('afterFrames', 9)).toBe(3)
    expect(chosen?.options.text('how', 'reset')).toBe('fin')
    expect(chosen?.options.flag('verbose', false)).toBe(true)
  })

  it('reads the last directive of a prompt, quoted values included', () => {
    const chosen = parseDirective('Say [[rehearse text words=9]] or rather [[rehearse text say="two words" afterFrames=4]] please')
    expect(chosen?.options.text('say', '')).toBe('two words')
    expect(chosen?.options.whole('afterFrames', 0)).toBe(4)
  })

  it('falls back where a number is not one', () => {
    const options = parseSelection('text; words=many; delay-millis=-4')?.options
    expect(options?.number('words', 40)).toBe(40)
    expect(options?.number('delayMillis', 7)).toBe(7)
  })

  it('takes prose without a directive, or an odd header, as no choice', () => {
    expect(parseDirective('please rehearse text')).toBeUndefined()
    expect(parseSelection('')).toBeUndefined()
    expect(parseSelection('Not A Name')).toBeUndefined()
  })
})
