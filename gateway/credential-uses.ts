import type { Config } from '../runtime/config-schema.ts';
import { openAuditReader } from './audit/index.ts';
import type { ReadUses } from './identity/people-rows.ts';

/** Opens audit.db for each look: an administrator looks seldom, and it may not be there yet. */
export function credentialUses(config: Config): ReadUses {
  return (credentials) => {
    const reader = openAuditReader(config);
    try {
      return reader.credentialUses(credentials);
    } finally {
      reader.close();
    }
  };
}
