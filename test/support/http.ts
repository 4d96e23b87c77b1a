import { once } from 'node:events';
import http, { type IncomingHttpHeaders } from 'node:http';
import https from 'node:https';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';

/** Where requests go and as whom. `Gatehouse` (see gatehouse.ts) is one. */
export interface Target {
  /** `https://localhost:1234`; with `socketPath`, any `http://name`. */
  origin: string;
  /** The certificate (PEM) that TLS has to lead back to. */
  ca?: string | undefined;
  /** A unix socket to speak HTTP on, in place of the origin's address. */
  socketPath?: string | undefined;
  /** Where the connection comes from. */
  localAddress?: string | undefined;
  /** Sent as Basic credentials, unasked. */
  user?: string | undefined;
  password?: string | undefined;
  /** Sent with every request. */
  headers?: Record<string, string> | undefined;
}

export interface RequestOptions extends Omit<Target, 'origin'> {
  method?: string;
  path?: string;
  body?: string | Buffer | Readable | undefined;
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  json: any;
}

/** One request on a connection of its own, the whole answer read. Never follows redirects. */
export async function request(to: string | Target, options: RequestOptions = {}): Promise<Answer> {
  const target: Target = typeof to === 'string' ? { origin: to } : to;
  const merged = { ...target, ...options, headers: { ...target.headers, ...options.headers } };
  const sent = send(new URL(merged.origin), merged);
  const [response] = (await once(sent, 'response')) as [http.IncomingMessage];
  const body = await buffer(response);
  return {
    status: response.statusCode!,
    headers: response.headers,
    body,
    get text() {
      return body.toString();
    },
    get json() {
      return JSON.parse(body.toString());
    },
  };
}

/** The same target as somebody else; without arguments as a stranger. */
export function as<T extends Target>(target: T, user?: string, password?: string): T {
  return { ...target, user, password };
}

function send(origin: URL, options: RequestOptions): http.ClientRequest {
  const { method = 'GET', path = '/', body, ca, socketPath, user, password, headers } = options;
  // An address of IPv4 reaches no name that stands for one of IPv6, too.
  const { localAddress } = options;
  const from = localAddress === undefined ? {} : { localAddress, family: 4 };
  const credentials = user === undefined ? {} : { authorization: basic(user, password ?? '') };
  const known = typeof body === 'string' || Buffer.isBuffer(body);
  const length = known ? { 'content-length': String(Buffer.byteLength(body)) } : {};
  const request = (origin.protocol === 'https:' ? https : http).request({
    host: origin.hostname.replace(/^\[|\]$/g, ''),
    port: origin.port,
    socketPath,
    ...from,
    ca,
    method,
    // Taken as it is: bad paths are what some tests are about.
    path,
    agent: false,
    headers: { ...credentials, ...length, ...headers },
  });
  if (body === undefined || known) request.end(body);
  else body.on('error', (error) => request.destroy(error)).pipe(request);
  return request;
}

function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}
