import type { Config } from '../runtime/config-schema.ts';
import type { Retention } from './metadata/review.ts';

export type { Retention };

/** The settings that core and collector must read alike. */
export function retentionOf(config: Config): Retention {
  return {
    leaseMs: config['gc.lease'],
    graceMs: config['gc.grace'],
    untaggedMs: config['gc.untagged'],
    policies: config['gc.policies'],
    uploadExpiryMs: config['uploads.expiry'],
    trashMs: config['gc.trash'],
  };
}
