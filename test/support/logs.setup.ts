import { afterAll } from 'vitest';
import { assertNothingWasOverheard } from './overheard.ts';

afterAll(assertNothingWasOverheard);
