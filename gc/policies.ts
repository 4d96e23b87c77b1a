import type { Collection, TagRemoval } from '../registry-core/metadata/collection.ts';
import { faultPoint } from '../runtime/fault-points.ts';
import { breathe } from './pace.ts';
import { addError, type Report } from './report.ts';

/** How long one look for tags may keep this process from its signals. Nobody else waits for it. */
const lookMs = 50;

/**
 * Removes the tags that the policies give up (`gc.policies`), before mark: what they named is untagged from then on.
 * The decisions are `registry-core/metadata/tag-selection.ts`; here is only the pace.
 */
export async function applyPolicies(
  collection: Collection,
  report: Report,
  signal?: AbortSignal,
): Promise<void> {
  for (let after = ''; ; ) {
    const found = await collection.nextTagRemoval(after, lookMs);
    if (!found) return;
    after = found.after;
    if (found.removal?.inDoubt)
      addError(report, `repository ${found.removal.repository}`, new Error(inDoubt));
    else if (found.removal) await removeTags(collection, found.removal, report, signal);
    await breathe(collection, signal);
  }
}

const inDoubt = 'has a manifest of an unknown type: no tag was removed there';

async function removeTags(
  collection: Collection,
  removal: TagRemoval,
  report: Report,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (let { tags } = removal; tags.length > 0; ) {
    const { removed, left } = await collection.removeTags(
      { ...removal, tags },
      await collection.transactionMs(),
    );
    faultPoint('gc.policies.committed');
    report.tags_deleted += removed;
    tags = left;
    if (tags.length > 0) await breathe(collection, signal);
  }
}
