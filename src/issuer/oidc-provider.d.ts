/** The part of oidc-provider 9 that the issuer uses; the package ships no types. */
declare module 'oidc-provider' {
  import type { RequestListener } from 'node:http'

  export interface Adapter {
    upsert(id: string, payload: Record<string, unknown>, expiresInS: number): Promise<void>
    find(id: string): Promise<Record<string, unknown> | undefined>
    findByUserCode(userCode: string): Promise<undefined>
    findByUid(uid: string): Promise<undefined>
    consume(id: string): Promise<void>
    destroy(id: string): Promise<void>
    revokeByGrantId(grantId: string): Promise<void>
  }

  export class Provider {
    constructor(issuer: string, configuration: Readonly<Record<string, unknown>>)
    readonly issuer: string
    callback(): RequestListener
    on(event: string, listener: (...values: unknown[]) => void): this
  }

  export const errors: {
    readonly InvalidClientAuth: new (detail: string) => Error
    readonly InvalidTarget: new () => Error
  }
}
