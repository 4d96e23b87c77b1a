import { runFake } from '../fake.ts';

await runFake('gc');
