import { describe, expect, test } from 'vitest'
import { csv } from './csv.ts'
import { count, duration, shortCount } from './figures.ts'
import { dollars, toNanoUsd, usdDecimal } from './money.ts'
import { table } from './table.ts'

describe('money', () => {
  test.each([
    ['5', 5_000_000_000n],
    ['0.25', 250_000_000n],
    ['1234.567890123', 1_234_567_890_123n],
    ['0.1', 100_000_000n],
    ['1.0000000001', undefined],
    ['-1', undefined],
    ['1e3', undefined],
    ['$5', undefined],
    ['', undefined],
  ])('%j as a person writes it is %s nano-USD, exactly', (text, expected) => expect(toNanoUsd(text)).toBe(expected))

  test.each([
    [0n, '$0.00'],
    [1n, '<$0.000001'],
    [499n, '<$0.000001'],
    [500n, '$0.000001'],
    [1_000n, '$0.000001'],
    [61_942_000n, '$0.061942'],
    [100_000_000n, '$0.10'],
    [1_234_567_890n, '$1.234568'],
    [999_999_999n, '$1.00'],
    [9_007_199_254_740_993_000_000_000n, '$9007199254740993.00'],
    [-1_500_000n, '-$0.0015'],
  ])('%s nano-USD is shown as %s', (nano, text) => expect(dollars(nano)).toBe(text))

  test('a decimal for machines keeps every nano-USD, beyond what a number could hold', () => {
    expect(usdDecimal(9_007_199_254_740_993_000_000_001n)).toBe('9007199254740993.000000001')
    expect(usdDecimal(-1n)).toBe('-0.000000001')
  })
})

describe('figures', () => {
  test.each([
    [0, '0'],
    [999, '999'],
    [1000, '1.0k'],
    [12_345, '12.3k'],
    [99_950, '100k'],
    [999_499, '999k'],
    [999_500, '1.0M'],
    [1_234_567, '1.2M'],
  ])('%d is %s in short', (value, text) => expect(shortCount(value)).toBe(text))

  test.each([
    [undefined, '-'],
    [0, '0ms'],
    [999, '999ms'],
    [3_240, '3.2s'],
    [59_960, '1m00s'],
    [245_000, '4m05s'],
    [7_380_000, '2h03m'],
  ])('%s milliseconds are %s', (millis, text) => expect(duration(millis)).toBe(text))

  test('counts are grouped by thousands', () => expect([1, 1234, 1234567].map(count)).toEqual(['1', '1,234', '1,234,567']))
})

describe('csv', () => {
  test('a cell that a spreadsheet would run as a formula is made text', () => {
    for (const text of ['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', ' =cmd']) {
      expect(
        csv(['session'], [[text]])
          .split('\r\n')
          .slice(1)
          .join('\r\n'),
      ).toMatch(/^"?'/)
    }
  })

  test('quotes, commas and line breaks stay within their cell, and unknown is empty', () => {
    expect(csv(['a', 'b', 'c'], [['x"y', 'p,q\nr', null]])).toBe('a,b,c\r\n"x""y","p,q\nr",')
  })

  test('numbers are written plain, negative ones too', () => expect(csv(['a'], [[-5]])).toBe('a\r\n-5'))
})

describe('table', () => {
  test('columns are as wide as their widest cell, colours not counted, and totals are set off', () => {
    const text = table(
      [{ title: 'name' }, { title: 'n', align: 'right' }],
      [
        ['\u001b[31mada\u001b[39m', '1'],
        ['b', '1,000'],
      ],
      ['total', '1,001'],
    )
    expect(text.split('\n')).toEqual(['name       n', '─────  ─────', '\u001b[31mada\u001b[39m        1', 'b      1,000', '─────  ─────', 'total  1,001'])
  })
})
