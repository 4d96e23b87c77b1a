import type { Gatehouse } from '../support/gatehouse.ts';
import { framingAttacks } from './hostile-framing.ts';
import { requestAttacks } from './hostile-requests.ts';
import { type Attack, basic } from './hostile-support.ts';

/** The repository that no attack may change. */
export const victim = 'victim/x';

export function attacksOn(gatehouse: Gatehouse): Attack[] {
  const { host } = gatehouse;
  const credentials = basic(gatehouse);
  const head = `Host: ${host}\r\n${credentials}`;
  const hidden = `DELETE /v2/${victim}/manifests/v1 HTTP/1.1\r\n${head}\r\n`;
  const parts = { head, host, credentials, hidden };
  return [...framingAttacks(parts), ...requestAttacks(parts)];
}
