import { RecentMap } from '../../runtime/recent-map.ts';
import type { Exchange } from '../exchange.ts';

/** How long after asking for a tag a client may come for its digest. */
const keptMs = 60_000;
const maxKept = 10_000;

/**
 * Which tag was meant by a pull by digest: docker and containerd ask what a tag is (HEAD), then read the manifest by the
 * digest that they were told. Where several workers serve, the one that was asked knows.
 */
export class AskedTags {
  readonly #tags = new RecentMap<{ tag: string; at: number }>(maxKept);

  /** @param exchange a HEAD of a manifest by tag that was answered with a digest. */
  note(exchange: Exchange, tag: string, digest: string): void {
    this.#tags.set(keyOf(exchange, digest), { tag, at: performance.now() });
  }

  /** The tag by which the same caller asked last. */
  find(exchange: Exchange, digest: string): string | undefined {
    const asked = this.#tags.get(keyOf(exchange, digest));
    return asked && performance.now() - asked.at <= keptMs ? asked.tag : undefined;
  }
}

function keyOf({ endpoint, actor, clientAddress }: Exchange, digest: string): string {
  const repository = endpoint && 'repository' in endpoint ? endpoint.repository : '';
  return `${clientAddress} ${actor?.kind} ${actor?.name} ${repository}@${digest}`;
}
