/** True where one of the patterns is the model's name, or the start of it before a `*`. Case counts, as it does upstream. */
export function allowsModel(patterns: readonly string[], model: string): boolean {
  return patterns.some((pattern) => (pattern.endsWith('*') ? model.startsWith(pattern.slice(0, -1)) : model === pattern))
}
