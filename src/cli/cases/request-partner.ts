/** Requests about a partner: the enterprise demands evidence or reviews it, a partner disputes a finding. What is wrong in one, the API says. */
import type { Command } from 'commander'
import { ask, type RequestOptions, withChange } from '../session/asking.js'
import { withProfile } from '../session/options.js'
import { UsageFault } from '../session/outcome.js'

const asking = (kind: string, description: string): Command =>
  withChange(withProfile(kind).description(description).argument('<partner>', 'its id, com_…'))

interface DemandOptions extends RequestOptions {
  readonly question: string
  readonly because: string
  readonly due: string
  readonly case?: string
  readonly from?: string
  readonly until?: string
}

export const demandCommand = (): Command =>
  asking('demand', 'demand evidence of a partner')
    .requiredOption('--question <name>', 'what is asked, by its name in your own catalogue')
    .requiredOption('--because <reference>', 'where the reason stands in your own register')
    .requiredOption('--due <time>', 'when it is late, as 2027-01-31T00:00:00.000Z')
    .option('--case <id>', 'the case that it is about')
    .option('--from <time>', 'the time that it is about begins')
    .option('--until <time>', 'the time that it is about ends')
    .action((partnerId: string, options: DemandOptions) =>
      ask(
        {
          ...{ kind: 'demand', partnerId, question: options.question, due: options.due },
          ...{ reference: options.because, about: options.case ?? null },
          period: periodOf(options),
        },
        options,
      ),
    )

function periodOf({ from, until }: DemandOptions): { from: string; until: string } | null {
  if (from === undefined && until === undefined) return null
  if (from === undefined || until === undefined)
    throw new UsageFault('--from and --until go together')
  return { from, until }
}

interface DisputeOptions extends RequestOptions {
  readonly finding: string
  readonly item?: string
  readonly because: string
}

export const disputeCommand = (): Command =>
  asking('dispute', 'dispute a finding against you')
    .requiredOption('--finding <case>', 'the demand or review that it follows from')
    .option('--item <number>', 'which one of a review, as `countersign findings` numbers them')
    .requiredOption('--because <reference>', 'where your reasons stand')
    .action((partnerId: string, options: DisputeOptions) =>
      ask(
        {
          ...{ kind: 'dispute', partnerId, demand: options.finding, reference: options.because },
          ...(options.item === undefined ? {} : { item: Number(options.item) }),
        },
        options,
      ),
    )

interface DrillOptions extends RequestOptions {
  readonly canary: string
}

export const drillCommand = (): Command =>
  asking('drill', 'exercise the three rights over a partner, on a canary')
    .requiredOption('--canary <identity>', 'the identity that is there to be cut')
    .action((partnerId: string, options: DrillOptions) =>
      ask({ kind: 'drill', partnerId, canary: options.canary }, options),
    )

interface ReviewOptions extends RequestOptions {
  readonly from: string
  readonly until: string
}

export const partnerReviewCommand = (): Command =>
  asking('partner-review', 'have all that a partner did in a period judged again')
    .requiredOption('--from <time>', 'when the period begins, as 2027-01-01T00:00:00.000Z')
    .requiredOption('--until <time>', 'when it ended')
    .action((partnerId: string, options: ReviewOptions) =>
      ask({ kind: 'partner-review', partnerId, from: options.from, until: options.until }, options),
    )
