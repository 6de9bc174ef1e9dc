/** A salt as an entry has it; always the same one, because nothing that is secret hangs on it here. */
export const someSalt = (): string => 'AAAAAAAAAAAAAAAAAAAAAA'
