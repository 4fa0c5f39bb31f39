import type { MessagesRequest } from '../prompt/request.ts'
import { anyCall, workingDirectory, type PlannedCall } from './work-place.ts'

/** Turns after which the plan starts on a new file. */
export const TURNS_A_FILE = 5

/**
 * What an agent does in each turn of a tool loop, decided by the turn's number alone: write a file, read it, edit it,
 * then list and read at once, then search. A tool that is not offered is replaced by Bash, or by any offered tool.
 */
export function planTurn(request: MessagesRequest, turn: number, name: string, parallel: number): PlannedCall[] {
  const directory = workingDirectory(request)
  const file = `${directory}/rehearsal-${name}-${Math.floor(turn / TURNS_A_FILE) + 1}.txt`
  const offers = (tool: string): boolean => request.toolNames.includes(tool)
  const either = (tool: string, input: object, command: string, description: string): PlannedCall | undefined => {
    if (offers(tool)) return { name: tool, input }
    if (offers('Bash')) return { name: 'Bash', input: { command, description } }
    return anyCall(request)
  }
  const read = either('Read', { file_path: file }, `cat ${file}`, 'Show the rehearsal file')
  const bash = either('Bash', { command: `wc -c ${file}`, description: 'Count the bytes of the rehearsal file' }, '', '')
  const calls = (): (PlannedCall | undefined)[] => {
    switch (turn % TURNS_A_FILE) {
      case 0:
        return [
          either(
            'Write',
            { file_path: file, content: `Rehearsal notes\nturn ${turn + 1}\nstate: draft\n` },
            `printf 'state: draft\\n' > ${file}`,
            'Write the rehearsal file',
          ),
        ]
      case 1:
        return [read]
      case 2:
        return [
          either(
            'Edit',
            { file_path: file, old_string: 'state: draft', new_string: 'state: final' },
            `sed -i s/draft/final/ ${file}`,
            'Edit the rehearsal file',
          ),
        ]
      case 3:
        return [bash, read]
      default:
        return [
          offers('Glob')
            ? either('Glob', { pattern: `rehearsal-${name}-*.txt`, path: directory }, '', '')
            : either('Grep', { pattern: 'state: final', path: directory }, `grep -c 'state: final' ${file}`, 'Search the rehearsal file'),
        ]
    }
  }
  return calls()
    .filter((call) => call !== undefined)
    .slice(0, Math.max(1, parallel))
}

/**
 * Which turn a conversation has reached: the plan is fixed, so the number of tool calls made since the prompt says it,
 * however the client has grouped them into messages.
 */
export function turnReached(callsMade: number, callsIn: (turn: number) => number, turns: number): number {
  let counted = 0
  for (let turn = 0; turn < turns; turn += 1) {
    if (counted >= callsMade) return turn
    counted += callsIn(turn)
  }
  return turns
}
