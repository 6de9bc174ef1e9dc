/** The workflow types: one for each kind of case, named as the kind. All of them are the same loop. */
export {
  runCase as contain,
  runCase as deprovision,
  runCase as exception,
  runCase as incident,
  runCase as lift,
  runCase as provision,
  runCase as reinstate,
  runCase as rotate,
} from './run-case.js'
