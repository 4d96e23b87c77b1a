import { runMain } from '../../runtime/main.ts';
import { openFrontDoor } from '../gateway.ts';
import { openWorkerChannel } from './worker.ts';

// What `primary.ts` starts; nobody else.
await runMain('gateway', async (config, log) => openFrontDoor(config, log, await openWorkerChannel(log)));
