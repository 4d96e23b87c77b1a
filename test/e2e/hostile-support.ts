import { connect, type TLSSocket } from 'node:tls';
import type { Gatehouse } from '../support/gatehouse.ts';
import { onEnd, type Scope } from '../support/scope.ts';

/** For tests of many requests from one address. */
export const unlimited = {
  GATEHOUSE_LIMITS_ADDRESS_REQUESTS: '1000000/1m',
  GATEHOUSE_LIMITS_ACCOUNT_REQUESTS: '1000000/1m',
  GATEHOUSE_LIMITS_FAILED_LOGINS: '1000000/1m',
  GATEHOUSE_LIMITS_ADDRESS_FAILED_LOGINS: '1000000/1m',
};

/** What is sent on a connection of its own; the status that it is answered with, or that there is no answer. */
export type Attack = [name: string, expected: number | 'closed', bytes: string | Buffer];

/** What attacks are made of. */
export interface Parts {
  /** `Host` and `Authorization` of the administrator. */
  head: string;
  host: string;
  credentials: string;
  /** A request that must not be served, hidden in the bytes of another one. */
  hidden: string;
}

export const close = 'Connection: close\r\n';

/** What came back on a connection before it was closed. */
export interface Received {
  /** Of the first answer that is no 1xx; undefined when the connection was closed without one. */
  status: number | undefined;
  headers: string;
  body: string;
  /** Everything, bytes as latin1. */
  all: string;
  /** How many answers there were, 1xx left out. */
  answers: number;
}

/** A TLS connection to the gateway that checks its certificate and ends with the scope at the latest. */
export async function connectTo(scope: Scope, { port, ca }: Gatehouse): Promise<TLSSocket> {
  const socket = connect({ host: 'localhost', port, ca: ca!, servername: 'localhost' });
  socket.on('error', () => {});
  onEnd(scope, () => socket.destroy());
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.once('secureConnect', resolve).once('close', () => reject(new Error('closed in the handshake')));
  await promise;
  return socket;
}

/** All that comes until the other side is done. */
export async function readAll(socket: TLSSocket): Promise<Received> {
  let all = '';
  socket.setEncoding('latin1').on('data', (part: string) => {
    all += part;
  });
  await new Promise((resolve) => socket.once('end', resolve).once('close', resolve));
  socket.destroy();
  const final = all.replace(/^(HTTP\/1\.1 1[0-9]{2} [^\r]*\r\n(?:[^\r]+\r\n)*\r\n)*/, '');
  const end = final.indexOf('\r\n\r\n');
  const status = /^HTTP\/1\.1 ([0-9]{3}) /.exec(final)?.[1];
  return {
    status: status === undefined ? undefined : Number(status),
    headers: final.slice(0, end),
    body: final.slice(end + 4),
    all,
    answers: final.match(/HTTP\/1\.1 [2-5][0-9]{2} /g)?.length ?? 0,
  };
}

/** Sends bytes as they are on a connection of their own, and reads to its end. */
export async function send(scope: Scope, gatehouse: Gatehouse, bytes: string | Buffer): Promise<Received> {
  const socket = await connectTo(scope, gatehouse);
  socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  return readAll(socket);
}

export function basic({
  user,
  password,
}: {
  user?: string | undefined;
  password?: string | undefined;
}): string {
  return `Authorization: Basic ${Buffer.from(`${user}:${password}`).toString('base64')}\r\n`;
}
