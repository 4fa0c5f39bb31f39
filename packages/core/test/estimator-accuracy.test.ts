/**
 * How far estimates are from what recorded upstreams reported. Each exchange is estimated after others were learned, and then learned itself, as a gateway does;
 * the exchanges of one recording are one conversation and are never in both parts.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { estimateFacts } from '../src/exchange/estimate-facts.ts'
import { readPrompt } from '../src/exchange/prompt-reader.ts'
import { RequestBody } from '../src/exchange/request-body.ts'
import { UsageEstimator, type EstimateFacts } from '../src/meter/estimate.ts'
import { featureAt, type PromptFeature } from '../src/meter/prompt-shape.ts'
import { noTokens, promptTokens, type UsageReport } from '../src/meter/usage.ts'
import { sharedFolder } from './shared-material.ts'

interface Sample {
  readonly recording: string
  readonly model: string
  readonly facts: EstimateFacts
  readonly tokens: number
  /** What was in the prompt and not in the request: files, pages of the web, tools of other servers. Nobody can count it from the request. */
  readonly hasUnseen: boolean
}

const folds = 5
const leastSamples = 20
const unseen: readonly PromptFeature[] = ['pictureReferences', 'documentReferences', 'toolServers', 'webTools', 'codeTools', 'otherServerTools']

async function samplesIn(folder: string): Promise<readonly Sample[]> {
  const samples: Sample[] = []
  for (const line of readFileSync(join(folder, 'INDEX.jsonl'), 'utf8').trim().split('\n')) {
    const { id, path, kind, status, model, req } = JSON.parse(line) as Record<string, string> & { readonly status: number; readonly req: readonly string[] }
    const reply = ['response.json', 'final.json'].map((name) => join(folder, String(id), name)).find((name) => existsSync(name))
    const request = join(folder, String(id), 'request.json')
    if (kind !== 'messages' || status !== 200 || !model || reply === undefined || !existsSync(request)) continue
    const { usage } = JSON.parse(readFileSync(reply, 'utf8')) as { readonly usage?: Record<string, unknown> }
    const count = (value: unknown): number => (typeof value === 'number' ? value : 0)
    const tokens = count(usage?.['input_tokens']) + count(usage?.['cache_read_input_tokens']) + count(usage?.['cache_creation_input_tokens'])
    const body = new RequestBody(new Uint8Array(readFileSync(request)))
    const prompt = (await readPrompt(body, false, () => Promise.resolve()))?.shape
    if (tokens === 0 || prompt === undefined) continue
    const iterations = usage?.['iterations']
    const hasUnseen =
      unseen.some((feature) => prompt.counts[featureAt[feature]] !== 0) ||
      req.some((mark) => /container|context_management/.test(mark)) ||
      Object.values(usage?.['server_tool_use'] ?? {}).some((uses) => count(uses) > 0) ||
      (Array.isArray(iterations) && iterations.length > 1)
    const facts = { ...estimateFacts(body, {}, samples.length), model, prompt, conversation: String(path) }
    samples.push({ recording: String(path), model, facts, tokens, hasUnseen })
  }
  return samples
}

const foldOf = (recording: string): number => Array.from(recording).reduce((sum, letter) => (Math.imul(sum, 31) + letter.charCodeAt(0)) >>> 0, 7) % folds

/** Relative errors of the estimates, in order. */
function errorsOf(samples: readonly Sample[]): Map<Sample, number> {
  const errors = new Map<Sample, number>()
  for (let fold = 0; fold < folds; fold += 1) {
    const estimator = new UsageEstimator()
    const isHeldBack = ({ recording }: Sample): boolean => foldOf(recording) === fold
    for (const sample of [...samples.filter((other) => !isHeldBack(other)), ...samples.filter(isHeldBack)]) {
      if (isHeldBack(sample)) errors.set(sample, Math.abs(promptTokens(estimator.likely(sample.facts).total) - sample.tokens) / sample.tokens)
      const usage: UsageReport = { source: 'final', total: { ...noTokens, freshInputTokens: sample.tokens }, lines: [], flags: [] }
      if (!sample.hasUnseen) estimator.learn(sample.facts, usage)
    }
  }
  return errors
}

function quantile(values: readonly number[], part: number): number {
  return values.toSorted((one, other) => one - other)[Math.min(values.length - 1, Math.floor(values.length * part))] ?? 0
}

const percent = (part: number): string => `${(100 * part).toFixed(1)} %`
const familyOf = (model: string): string => ['haiku', 'sonnet', 'opus', 'fable'].find((family) => model.includes(family)) ?? model

const folder = sharedFolder('corpus')

describe.skipIf(folder === undefined)('estimates of recorded requests', () => {
  test('calibrated, half of them are within 3 % and nine in ten within 10 %, in each family with at least 20 samples', async () => {
    const samples = await samplesIn(folder as string)
    const seen = samples.filter(({ hasUnseen }) => !hasUnseen)
    const errors = errorsOf(samples)
    const lines: string[] = []
    const row = (name: string, of: readonly Sample[]): readonly [number, number] => {
      const values = of.map((sample) => errors.get(sample) ?? 0)
      const figures = [quantile(values, 0.5), quantile(values, 0.9)] as const
      lines.push(`${name.padEnd(44)} n ${String(of.length).padStart(3)}  p50 ${percent(figures[0]).padStart(7)}  p90 ${percent(figures[1]).padStart(7)}`)
      return figures
    }
    for (const [model, of] of Map.groupBy(seen, (sample) => sample.model)) if (of.length >= 10) row(model, of)
    const large = seen.filter(({ tokens }) => tokens >= 200)
    row('all of 200 tokens and more', large)
    row(
      'not in the request: files, web, tool servers',
      samples.filter(({ hasUnseen }) => hasUnseen),
    )
    for (const [family, of] of Map.groupBy(seen, (sample) => familyOf(sample.model))) {
      const [half, nineInTen] = row(`family ${family}`, of)
      if (of.length < leastSamples) continue
      expect(half, family).toBeLessThan(0.03)
      expect(nineInTen, family).toBeLessThan(0.1)
    }
    console.info(lines.join('\n'))
  })
})
