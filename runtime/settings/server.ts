import { isIP } from 'node:net';
import { isHostname, isNetwork, key, list, neededPath, oneOf, whole } from './values.ts';

/** Where the server listens and who it is. */
export const serverSettings = {
  data: key(
    neededPath,
    './data',
    'Data directory: databases, certificates, run-time sockets and, by default, the blobs.',
  ),
  port: key(
    whole(0, 65535),
    '443',
    'Port of the gateway. Not given and not allowed to bind 443: 8443. 0: any free port.',
  ),
  hostname: key(
    list('host names or addresses, separated by commas', isHostname),
    '',
    'Names and addresses that clients use, besides those of the machine itself. They go into the made certificate; a request for any other host is answered 421.',
  ),
  listen: key(
    list('addresses, separated by commas', (entry) => isIP(entry) !== 0),
    '',
    'Addresses to listen on. Empty: all.',
  ),
  'http.port': key(whole(0, 65535), '0', 'Port for plain HTTP that redirects to HTTPS, usually 80. 0: none.'),
  'proxy.trusted': key(
    list('addresses or networks such as 10.0.0.0/8, separated by commas', isNetwork),
    '',
    'Proxies whose word is taken for who the client is, by `proxy.header` and `proxy.protocol`. Anybody else’s is not.',
  ),
  'proxy.header': key(
    oneOf('x-forwarded-for', 'forwarded', 'none'),
    'x-forwarded-for',
    'The one header in which the listed proxies name the client: `x-forwarded-for` (with `X-Forwarded-Proto`) or `forwarded` (RFC 7239). The other one is never read, since a proxy passes on what a client wrote there.',
  ),
  'proxy.protocol': key(
    oneOf('off', 'on'),
    'off',
    '`on`: each connection of a listed proxy begins with a PROXY protocol header, version 1 or 2; one without is closed. Others must not send it.',
  ),
} as const;
