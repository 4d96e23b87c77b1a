import { runMain } from '../runtime/main.ts';

// A primary has no use for most of what serves requests, nor one process for a primary.
await runMain('gateway', async (config, log) => {
  if (config['gateway.workers'] > 1) {
    const { openPrimary } = await import('./workers/primary.ts');
    return openPrimary(config, log);
  }
  const { openGateway } = await import('./gateway.ts');
  return openGateway(config, log);
});
