/** The workflow types: one for each kind of case, named as the kind. All of them are the same loop. */
export {
  runCase as attest,
  runCase as contain,
  runCase as demand,
  runCase as deprovision,
  runCase as dispute,
  runCase as exception,
  runCase as incident,
  runCase as lift,
  runCase as provision,
  runCase as recertify,
  runCase as reinstate,
  runCase as rotate,
} from './run-case.js'
