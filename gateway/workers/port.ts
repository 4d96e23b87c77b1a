import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import type { Config } from '../../runtime/config-schema.ts';

/** The port that all workers listen on, also the one that is started when no other is left. */
export interface AgreedPort {
  /** To be asked right before it is bound: until the first question a free port is kept from others. */
  claim(): Promise<number>;
  release(): Promise<void>;
}

/** With `port: 0` a free one is chosen here, once. @throws the socket's own error. */
export async function agreePort({ port, listen }: Config): Promise<AgreedPort> {
  if (port !== 0) return { claim: async () => port, release: async () => {} };
  const holder = createServer();
  const [host] = listen;
  holder.listen(host === undefined ? { port } : { port, host });
  await once(holder, 'listening');
  const chosen = (holder.address() as AddressInfo).port;
  let released: Promise<void> | undefined;
  const release = () => {
    released ??= new Promise<void>((resolve) => holder.close(() => resolve()));
    return released;
  };
  const claim = async () => {
    await release();
    return chosen;
  };
  return { claim, release };
}
