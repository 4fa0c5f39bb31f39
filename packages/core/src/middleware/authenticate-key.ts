import { GatewayError } from '../errors.ts'
import type { Exchange } from '../exchange/exchange.ts'
import { RequestBody } from '../exchange/request-body.ts'
import { checkNetwork } from '../keys/check-network.ts'
import { allowsModel } from '../keys/restrictions.ts'
import type { CredentialVerifier, Principal } from '../ports/key-ring.ts'
import { parseJson, readString } from '../wire/json-scan.ts'

/** The routes whose model can be told from their body. */
const modelPaths: ReadonlySet<string> = new Set(['/v1/messages', '/v1/messages/count_tokens'])

/**
 * Refuses what the key may not be used for.
 *
 * @throws GatewayError `credential-not-allowed`, and what reading the body throws
 */
export async function checkKeyMayAsk(exchange: Exchange, principal: Principal): Promise<void> {
  checkNetwork(exchange.remoteAddress, principal)
  const models = principal.restrictions?.models
  if (models !== undefined) await checkModels(exchange, models)
}

/** What a key limited to models may not do is anything whose model nobody can tell: fail closed. */
async function checkModels(exchange: Exchange, models: readonly string[]): Promise<void> {
  const { method, target } = exchange
  if (method === 'GET' || method === 'HEAD') return
  if (method !== 'POST' || !modelPaths.has(target.path)) {
    throw notAllowed(`This key is limited to some models, and the model of ${method} ${shown(target.path)} cannot be checked. Use a key without that limit.`)
  }
  const body = await exchange.body()
  // What is no JSON goes nowhere: it is refused with what is wrong with it.
  if (body.scan.kind === 'malformed') return
  // Every occurrence: of a repeated key one reader takes the first and another the last.
  const asked = RequestBody.glance(body, () => body.members('model').map(({ start, end }) => readString(body.range(start, end))))
  if (asked.length === 0) throw notAllowed(`This key is limited to some models, and the request names none. ${usable(models)}`)
  for (const model of [...asked, ...RequestBody.glance(body, () => modelsWithin(body))]) {
    if (model === undefined || !allowsModel(models, model)) throw notAllowed(`This key may not use the model "${shown(model ?? '')}". ${usable(models)}`)
  }
}

/** What is said in these is said to a model, and asks for none. */
const spoken: ReadonlySet<string> = new Set(['model', 'messages', 'system', 'metadata'])

/** Models that a request names besides its own: of a tool that asks another one for advice, of a fallback. Undefined stands for what is no JSON, though a lenient reader may take it. */
function modelsWithin(body: RequestBody): readonly (string | undefined)[] {
  const found: (string | undefined)[] = []
  const { scan } = body
  for (const { key, start, end } of scan.kind === 'object' ? scan.members : []) {
    if (!spoken.has(key)) collectModels(parseJson(body.range(start, end)), found)
  }
  return found
}

function collectModels(top: unknown, found: (string | undefined)[]): void {
  if (top === undefined) found.push(undefined)
  const open = [top]
  while (open.length > 0) {
    const value = open.pop()
    if (typeof value !== 'object' || value === null) continue
    for (const [name, part] of Object.entries(value)) {
      if (name === 'model' && typeof part === 'string') found.push(part)
      // A schema describes what the model may write.
      else if (name !== 'input_schema') open.push(part)
    }
  }
}

/** Watches a key that was let in, where its verifier can; undefined where it cannot. Returns what ends the watch. */
export function watchKey(verifier: CredentialVerifier, principal: Principal, onWithdrawn: () => void): (() => void) | undefined {
  return verifier.watch?.(principal, onWithdrawn)
}

function usable(models: readonly string[]): string {
  const listed = models.slice(0, 8).map(shown).join(', ')
  return `It may use ${listed}${models.length > 8 ? `, and ${models.length - 8} more` : ''}. Choose one of those, or ask this gateway's operator.`
}

function notAllowed(message: string): GatewayError {
  return new GatewayError('credential-not-allowed', message)
}

function shown(text: string): string {
  return text.slice(0, 80).replace(/[^ -~]/g, '?')
}
