/** The API or the issuer cannot be reached or failed. Nothing is known about what was asked; it may be asked again. */
export class ApiFault extends Error {
  override readonly name = 'ApiFault'
}
