import { randomBytes } from 'node:crypto';
import type { Channel, Hub } from '../workers/channel.ts';

const services = {
  current: 'tls.ticket-key',
  changed: 'tls.ticket-key-changed',
  rotate: 'tls.rotate-tickets',
};
/** What Node takes: a name, a key for the HMAC and one for AES, 16 bytes each. */
const keyBytes = 48;
const rotationMs = 12 * 3_600_000;

/**
 * The key of TLS session tickets (RFC 5077; RFC 8446, section 4.6.1), random and changed twice a day: whoever learns it
 * later cannot read what was sent before. Sessions of the key before start anew. One for all workers.
 */
export function serveTicketKeys(hub: Hub, periodMs = rotationMs): { close(): void } {
  let current = randomBytes(keyBytes).toString('base64');
  const rotate = () => {
    current = randomBytes(keyBytes).toString('base64');
    void hub.askAll(services.changed, current);
  };
  hub.serve(services.current, () => current);
  hub.serve(services.rotate, rotate);
  const timer = setInterval(rotate, periodMs).unref();
  return { close: () => clearInterval(timer) };
}

/** The key in a worker. */
export class TicketKey {
  readonly #channel: Channel;
  readonly #onChange: (key: Buffer) => void;
  #current: Buffer;

  private constructor(channel: Channel, current: Buffer, onChange: (key: Buffer) => void) {
    this.#channel = channel;
    this.#current = current;
    this.#onChange = onChange;
    channel.serve(services.changed, (key: string) => this.#use(Buffer.from(key, 'base64')));
  }

  static async open(channel: Channel, onChange: (key: Buffer) => void): Promise<TicketKey> {
    const current = await channel.call<string>(services.current);
    return new TicketKey(channel, Buffer.from(current, 'base64'), onChange);
  }

  get current(): Buffer {
    return this.#current;
  }

  /** No session from before is resumed: here at once, in the other workers as soon as they hear of it. */
  rotate(): void {
    this.#use(randomBytes(keyBytes));
    this.#channel.post(services.rotate);
  }

  #use(key: Buffer): null {
    this.#current = key;
    this.#onChange(key);
    return null;
  }
}
