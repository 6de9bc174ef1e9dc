/** The workflow types: one for each kind of case, named as the kind. All of them are the same loop. */
export { runCase as rotate } from './run-case.js'
