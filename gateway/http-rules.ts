import type { IncomingMessage } from 'node:http';
import { OciError } from '../oci/errors.ts';

/**
 * What Node's parser lets pass of HTTP and we do not.
 * @throws OciError URL_INVALID (400), UNSUPPORTED (417)
 */
export function demandPlainHttp({ httpVersion, headers }: IncomingMessage): void {
  if (httpVersion !== '1.1' && httpVersion !== '1.0') throw refused('this server speaks HTTP/1.1');
  // RFC 9112 section 6.1: whoever passed it on did not know where its body ends.
  if (httpVersion === '1.0' && headers['transfer-encoding'] !== undefined) {
    throw refused('a transfer coding needs HTTP/1.1');
  }
  demandExpectation(headers.expect);
}

/** RFC 9110 section 10.1.1 */
function demandExpectation(expect: string | undefined): void {
  if (expect === undefined || expect.toLowerCase() === '100-continue') return;
  throw new OciError('UNSUPPORTED', { status: 417, message: 'the only expectation met is 100-continue' });
}

function refused(message: string): OciError {
  return new OciError('URL_INVALID', { message, headers: { Connection: 'close' } });
}
