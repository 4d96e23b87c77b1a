import { runMain } from '../runtime/main.ts';
import { openGateway } from './gateway.ts';

await runMain('gateway', openGateway);
