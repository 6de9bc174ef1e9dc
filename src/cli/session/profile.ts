/**
 * A *profile* says where the API and the issuer are and which keys on this machine are whose: one file for each
 * account, named by --profile or COUNTERSIGN_PROFILE. Key files are named relative to it and stay where they are.
 */
import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { z } from 'zod'
import { isRefusal } from '../../domain/refusal.js'
import { CompanyId, EnterpriseId, PersonId } from '../../domain/shapes/basic.js'
import { parseAs } from '../../domain/shapes/parse.js'
import { type LoadedKey, loadKey } from '../../keys/keystore.js'
import { UsageFault } from './outcome.js'

const Profile = z.strictObject({
  api: z.url({ protocol: /^https?$/ }),
  issuer: z.url({ protocol: /^https?$/ }),
  audience: z.string().min(1),
  enterprise: EnterpriseId,
  clientId: z.string().min(1),
  /** Key files: to sign in; to decide and to stop; to claim. */
  loginKey: z.string().min(1),
  decisionKey: z.string().min(1).optional(),
  claimKey: z.string().min(1).optional(),
  personId: PersonId.optional(),
  companyId: CompanyId.optional(),
})
export type Profile = z.infer<typeof Profile>

export type KeyUse = 'loginKey' | 'decisionKey' | 'claimKey'

/** Whoever acts as a person needs to say which. */
export const NO_PERSON = 'this profile has no personId; use the profile of a person who decides'

const WHERE = '`npm start` keeps its own in .countersign/service/profiles'
export const HOLDERS: Readonly<Record<KeyUse, string>> = {
  loginKey: 'somebody who signs in',
  decisionKey: 'a person who decides',
  claimKey: 'a machine of the partner',
}

/** Throws UsageFault for a file that is missing or wrong. */
export async function readProfile(given: string | undefined): Promise<Profile> {
  const path = given ?? process.env.COUNTERSIGN_PROFILE
  if (path === undefined || path === '')
    throw new UsageFault(`name a profile with --profile or COUNTERSIGN_PROFILE; ${WHERE}`)
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new UsageFault(`the profile ${path} cannot be read; ${WHERE}`, { cause })
  })
  const profile = parseAs(Profile)(jsonOf(text))
  if (isRefusal(profile))
    throw new UsageFault(`the profile ${path} is wrong at ${profile.where || '/'}`)
  const at = (file: string) => resolve(dirname(path), file)
  const { decisionKey, claimKey } = profile
  return {
    ...profile,
    loginKey: at(profile.loginKey),
    ...(decisionKey === undefined ? {} : { decisionKey: at(decisionKey) }),
    ...(claimKey === undefined ? {} : { claimKey: at(claimKey) }),
  }
}

/** Not valid JSON is an empty profile, which misses everything. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** Throws UsageFault when the profile has no such key, KeyFileFault when it cannot be used. */
export async function keyOf(profile: Profile, use: KeyUse): Promise<LoadedKey> {
  const path = profile[use]
  if (path === undefined)
    throw new UsageFault(`this profile has no ${use}; use the profile of ${HOLDERS[use]}`)
  const passphrase = process.env.COUNTERSIGN_KEY_PASSPHRASE
  return loadKey(path, passphrase === undefined ? {} : { passphrase })
}
