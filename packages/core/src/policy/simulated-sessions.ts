import type { RequestKind } from '../entry/attribution.ts'

/** One request of a synthetic session. Tokens are those of the model that the client asks for. */
export interface SimulatedRequest {
  readonly session: string
  /** Of a sub-agent, which has a prefix of its own. */
  readonly agent?: string
  readonly agentType?: string
  readonly kind: RequestKind
  readonly at: number
  readonly promptTokens: number
  readonly outputTokens: number
  /** True where the prompt begins as the session's main loop does, and is read from its cache. */
  readonly isOfMainPrefix: boolean
  /** True where earlier answers in the prompt hold thinking. */
  readonly hasSignedThinking: boolean
}

/** What synthetic sessions are like. The defaults are measured on Claude Code: a first request of 16K tokens, 30 to 50 turns, answers of 225 tokens at the median. */
export interface SessionShape {
  /** @defaultValue 40 */
  readonly sessions?: number
  /** @defaultValue 30 */
  readonly leastTurns?: number
  /** @defaultValue 50 */
  readonly mostTurns?: number
  /** @defaultValue 16000 */
  readonly firstPromptTokens?: number
  /** Answers hold thinking, as current models' do. @defaultValue true */
  readonly hasThinking?: boolean
  /** One seed makes one set of sessions, on every machine. @defaultValue 1 */
  readonly seed?: number
}

const secondMillis = 1_000
const titlePromptTokens = 1_000
const agentPromptTokens = 7_000
/** Of turns, those that come after a break longer than the cache lives. */
const breakShare = 0.04

/** Makes synthetic sessions, one after the other, each with its title, its sub-agents and its side calls. */
export function simulatedSessions(shape: SessionShape = {}): readonly SimulatedRequest[] {
  const { sessions = 40, leastTurns = 30, mostTurns = 50, firstPromptTokens = 16_000, hasThinking = true, seed = 1 } = shape
  const random = seededRandom(seed)
  const between = (least: number, most: number): number => Math.floor(least + random() * (most - least + 1))
  /** Skewed as answers are: the median is 225, one in ten has more than 600. */
  const answer = (): number => Math.round(90 + 135 * Math.exp(1.1 * (random() + random() + random() - 1.5) * 1.4))
  const requests: SimulatedRequest[] = []
  let at = Date.UTC(2026, 10, 2, 9)
  for (let number = 0; number < sessions; number += 1) {
    const session = `session-${number}`
    const aside = (kind: RequestKind, promptTokens: number, outputTokens: number, isOfMainPrefix: boolean): void => {
      requests.push({ session, kind, at, promptTokens, outputTokens, isOfMainPrefix, hasSignedThinking: isOfMainPrefix && hasThinking })
    }
    /** A loop of turns, the main one or a sub-agent's; `onTurn` is asked after each. */
    const loop = (
      parts: Pick<SimulatedRequest, 'kind' | 'agent' | 'agentType'>,
      first: number,
      turns: number,
      onTurn: (turn: number, promptTokens: number) => void,
    ): void => {
      let promptTokens = first
      for (let turn = 1; turn <= turns; turn += 1) {
        const outputTokens = answer()
        requests.push({
          session,
          ...parts,
          at,
          promptTokens,
          outputTokens,
          isOfMainPrefix: parts.agent === undefined,
          hasSignedThinking: hasThinking && turn > 1,
        })
        at += between(4, 45) * secondMillis
        onTurn(turn, promptTokens + outputTokens)
        promptTokens += outputTokens + between(150, 2_000)
      }
    }
    aside('title', titlePromptTokens, between(8, 30), false)
    loop({ kind: 'main' }, firstPromptTokens, between(leastTurns, mostTurns), (turn, promptTokens) => {
      if (random() < breakShare) at += between(6, 40) * 60 * secondMillis
      if (turn % 15 === 0) aside('auxiliary', promptTokens + 100, between(30, 80), true)
      if (turn % 12 !== 5 || random() < 0.4) return
      const agent = `agent-${number}-${turn}`
      loop({ kind: 'sub-agent', agent, agentType: random() < 0.6 ? 'Explore' : 'general-purpose' }, agentPromptTokens, between(6, 14), () => undefined)
    })
    at += between(2, 30) * 60 * secondMillis
  }
  return requests
}

/** Mulberry32: a small generator whose numbers are the same everywhere. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
