const STREAM = [Buffer.from('"stream":true'), Buffer.from('"stream": true')]
const MODEL = /"model"\s*:\s*"([^"\\]{1,200})"/

/**
 * Model and streaming of a request read without parsing it, for load runs with large bodies. A quote inside a JSON
 * string is always escaped, so text in the prompt cannot match; a nested object of the same spelling could.
 */
export function scanRequest(body: Uint8Array): { readonly model: string; readonly streams: boolean } {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  const edge = 2048
  const ends = bytes.length <= 2 * edge ? bytes.toString('latin1') : `${bytes.toString('latin1', 0, edge)}\n${bytes.toString('latin1', bytes.length - edge)}`
  const model = MODEL.exec(ends)?.[1] ?? 'claude-opus-5-5'
  return { model, streams: /"stream"\s*:\s*true/.test(ends) || STREAM.some((pattern) => bytes.includes(pattern)) }
}
