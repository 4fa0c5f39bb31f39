import type { CaseContext, ConformanceCase } from '../case.ts'
import { json } from '../upstream/replies.ts'
import { conformanceCase } from './conformance-case.ts'
import { brief, expectAnthropicError, expectSame, expectThat } from './expect.ts'
import { pass, type Passage } from './through.ts'

const SOURCE = 'raine/claude-code-proxy#60, agentgateway#2235, unity-gateway#412; Claude gateway protocol 2.1.330 §Models'

/** The upstream's list, as the vendor writes it. */
const LIST = JSON.stringify({
  data: [
    { type: 'model', id: 'claude-sonnet-4-5', display_name: 'Claude Sonnet 4.5', created_at: '2025-09-29T00:00:00Z', zz: 1 },
    { type: 'model', id: 'claude-opus-4-7', display_name: 'Claude Opus 4.7', created_at: '2026-04-01T00:00:00Z' },
  ],
  first_id: 'claude-sonnet-4-5',
  has_more: false,
  last_id: 'claude-opus-4-7',
})

interface ListedModel {
  readonly id?: unknown
  readonly display_name?: unknown
}

function list(context: CaseContext): Promise<Passage> {
  return pass(context, { method: 'GET', path: '/v1/models?limit=1000', body: null, script: json(LIST), headers: [['User-Agent', 'claude-code/2.1.330']] })
}

/** The models of a reply; undefined where the gateway says that there is no list. */
function modelsOf({ reply, bytes }: Passage): readonly ListedModel[] | undefined {
  if (reply.status === 404) return undefined
  expectSame(reply.status, 200, 'status')
  const body = JSON.parse(bytes.toString('utf8')) as { readonly data?: unknown }
  expectThat(Array.isArray(body.data), `no list of models: ${brief(bytes.toString('utf8'))}`)
  return body.data as readonly ListedModel[]
}

/** Cases about the list of models. */
export const MODELS: readonly ConformanceCase[] = [
  conformanceCase(
    {
      id: 'models-list',
      group: 'models',
      title: 'The list of models has ids and names, or is said not to be there',
      requirement: 'Model discovery reads `data[].id` and `display_name`; a 404 makes the client keep its built-in list.',
      source: SOURCE,
      severity: 'must',
    },
    async (context) => {
      const models = modelsOf(await list(context))
      if (models === undefined) return { verdict: 'skip', detail: 'the gateway has no list of models' }
      for (const each of models)
        expectThat(
          typeof each.id === 'string' && each.id !== '' && (each.display_name === undefined || typeof each.display_name === 'string'),
          `a model that is none: ${brief(JSON.stringify(each))}`,
        )
      return { verdict: 'pass' }
    },
  ),
  conformanceCase(
    {
      id: 'models-claude-ids',
      group: 'models',
      title: 'The list names Claude models by ids that the client knows as such',
      requirement: 'The client’s picker shows ids that hold claude or anthropic.',
      source: `${SOURCE}; Claude Code changelog 2.1.223`,
      severity: 'should',
    },
    async (context) => {
      const models = modelsOf(await list(context))
      if (models === undefined) return { verdict: 'skip', detail: 'the gateway has no list of models' }
      expectThat(
        models.some(({ id }) => /claude|anthropic/.test(String(id))),
        `none of ${models.length} models would be shown`,
      )
      return { verdict: 'pass' }
    },
  ),
  conformanceCase(
    {
      id: 'models-no-redirect',
      group: 'models',
      title: 'The list of models is not a redirect',
      requirement: 'Discovery takes a redirect for a failure.',
      source: SOURCE,
      severity: 'must',
    },
    async (context) => {
      const { reply } = await list(context)
      expectThat(reply.status < 300 || reply.status >= 400, `status ${reply.status}`)
    },
  ),
  conformanceCase(
    {
      id: 'models-one',
      group: 'models',
      title: 'One model can be asked for by its id, or is said not to be there',
      requirement: 'GET /v1/models/{id} is forwarded, answered in the vendor’s form, or refused in it.',
      source: 'Anthropic API docs, models',
      severity: 'should',
    },
    async (context) => {
      const { reply, bytes } = await pass(context, {
        method: 'GET',
        path: '/v1/models/claude-sonnet-4-5',
        body: null,
        script: json('{"type":"model","id":"claude-sonnet-4-5","display_name":"Claude Sonnet 4.5"}'),
      })
      if (reply.status >= 400) expectAnthropicError(reply, bytes)
      else expectSame((JSON.parse(bytes.toString('utf8')) as ListedModel).id, 'claude-sonnet-4-5', 'the model’s id')
    },
  ),
]
