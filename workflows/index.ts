/** The workflow types: one for each kind of case, named as the kind. All of them are the same loop. */
export {
  runCase as contain,
  runCase as deprovision,
  runCase as exception,
  runCase as lift,
  runCase as provision,
  runCase as reinstate,
  runCase as rotate,
  runCase as 'change-policy',
  runCase as 'change-contracts',
  runCase as 'change-ownership',
  runCase as 'change-people',
  runCase as 'revoke-keys',
} from './run-case.js'
