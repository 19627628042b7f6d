import { afterAll } from 'vitest';
import { assertNoSecretInLog } from './log-leak-guard.ts';

afterAll(assertNoSecretInLog);
