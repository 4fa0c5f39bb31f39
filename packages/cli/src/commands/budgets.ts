import { commandGroup } from '../command-group.ts'
import type { Command } from '../command.ts'
import { budgetsSet } from './budgets-set.ts'
import { budgetsEffective, budgetsList, budgetsRaise, budgetsRemove, budgetsShow } from './budgets-look.ts'

/** `sluice budgets`: what may be spent. */
export const budgets: Command = commandGroup('budgets', 'Budgets: on a scope, a key, a tag or a model; all that cover an exchange must allow it.', {
  set: budgetsSet,
  show: budgetsShow,
  list: budgetsList,
  effective: budgetsEffective,
  raise: budgetsRaise,
  remove: budgetsRemove,
})
