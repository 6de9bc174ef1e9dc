/** Whether the connector that the root of that time names wrote an event of a packet. */

import { purposeOfCase } from '../../domain/authority/grace.js'
import { checkAttestations, isAttested } from '../../domain/case/attestation.js'
import type { Recorded } from '../../domain/case/case.js'
import type { Verify } from '../../domain/signed/envelope.js'
import type { Believed } from '../bundles.js'

interface Attesting {
  readonly caseId: string
  readonly verify: Verify
  readonly believed: Believed
}

/** A connector that a root in force at its time, or sufficient for its case, names signed it, if it is an event that only a connector writes. */
export const isAttestedThen = ({ caseId, verify, believed }: Attesting, item: Recorded): boolean =>
  !isAttested(item.event) ||
  believed
    .inForce(item.at, purposeOfCase(caseId))
    .some(
      (authority) => checkAttestations({ caseId, recorded: [item], authority, verify }) === null,
    )
