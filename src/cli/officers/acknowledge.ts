/** What a partner signs once for each contract: approval, policy intent and residual risk stay with the enterprise. */
import { Command } from 'commander'
import { isRefusal } from '../../domain/refusal.js'
import { Acknowledgement } from '../../domain/shapes/authority.js'
import { parseAs } from '../../domain/shapes/parse.js'
import { signEnvelope } from '../../keys/sign.js'
import { writeNew } from '../session/envelope-file.js'
import { print, UsageFault } from '../session/outcome.js'
import { keyAt, lasting } from './root.js'

interface Options {
  readonly enterprise: string
  readonly company: string
  readonly key: string
  readonly out: string
}

export const acknowledging = (): Command =>
  new Command('acknowledge')
    .description(
      'as the partner: sign that the reserved matters of a contract stay with the enterprise',
    )
    .argument('<contract>', 'con_…')
    .requiredOption('--enterprise <id>', 'ent_…')
    .requiredOption('--company <id>', 'com_…: yours')
    .requiredOption('--key <file>', 'your claim key')
    .requiredOption('--out <file>', 'for the contract’s `acknowledgement`; never replaces a file')
    .action(acknowledge)

async function acknowledge(contractId: string, options: Options): Promise<void> {
  const payload = parseAs(Acknowledgement)({
    ...{ type: 'acknowledgement', v: 1, enterprise: options.enterprise },
    ...{ contractId, companyId: options.company },
    reservedMatters: ['approval', 'policy-intent', 'residual-risk'],
    at: lasting('1').notBefore,
  })
  if (isRefusal(payload)) throw new UsageFault(`not signed at ${payload.where}: ${payload.detail}`)
  const key = await keyAt(options.key)
  await writeNew(options.out, signEnvelope({ kind: 'acknowledgement', payload, ...key }))
  print([`${contractId}: ${payload.reservedMatters.join(', ')} acknowledged by ${key.keyId}`])
}
