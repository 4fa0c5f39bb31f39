import { routingTable } from './routing-table.ts'
const worst: any[] = []
const rank: any = {'claude-haiku-5-5':0,'claude-haiku-4-5':1,'claude-sonnet-5-5':2,'claude-sonnet-4-6':3,'claude-opus-5-5':4,'claude-opus-4-7':5,'claude-fable-5-2':6}
for (const hasThinking of [false, true]) for (const model of ['claude-opus-5-5','claude-opus-4-7','claude-fable-5-2','claude-sonnet-5-5','claude-haiku-4-5']) for (const smallModel of ['claude-haiku-4-5','claude-haiku-5-5','claude-sonnet-5-5','claude-sonnet-4-6']) for (const [leastTurns, mostTurns] of [[1,4],[3,12],[30,50],[80,150]] as const) for (let seed = 1; seed <= 3; seed++) {
  for (const r of routingTable({ hasThinking, model, smallModel, leastTurns, mostTurns, seed, sessions: 12 })) if (r.isSluice && (rank[smallModel] <= rank[model])) worst.push([r.percentOfDirect, r.name, hasThinking, model, smallModel, leastTurns, mostTurns, seed])
}
worst.sort((a, b) => b[0] - a[0])
console.log(worst.length); for (const w of worst.slice(0, 12)) console.log(w.join(' '))
