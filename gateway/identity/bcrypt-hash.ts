/** bcrypt has no less; more than 14 is over a second of CPU for each try. */
export const minBcryptCost = 4;
export const maxBcryptCost = 14;

/** Kind, cost, 16 bytes of salt (whose last digit has two bits), 23 of hash, in bcrypt's base 64. */
const grammar = /^\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}$/;

/** log2 of the rounds; undefined for what is no whole hash of the kinds 2a, 2b and 2y. */
export function bcryptCost(hash: string): number | undefined {
  const cost = grammar.exec(hash)?.[1];
  return cost === undefined ? undefined : Number(cost);
}
