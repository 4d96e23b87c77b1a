// The process that concurrent.test.ts starts several times.
import { ensureCertificates, renewServerCertificate } from '../../certs/index.ts';
import '../../certs/sign.ts';

process.once('message', async (job: { action: 'ensure' | 'renew'; directory: string; names: string[] }) => {
  const act = job.action === 'ensure' ? ensureCertificates : renewServerCertificate;
  const ensured = await act({ directory: job.directory, names: job.names });
  process.send?.(ensured, undefined, undefined, () => process.disconnect?.());
});
process.send?.('loaded');
