import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { SignJWT } from 'jose';
import { SERVICE_SCOPE } from '../src/adapters/http/middleware/authentication.ts';
import { ConfigError, readConfig } from '../src/composition/config.ts';
import type { AccessOptions } from '../src/composition/access-config.ts';
import { userIdFrom } from '../src/domain/ids.ts';

/*
 * Makes a token for development, such as a service with the same environment takes: by its AUTH_SECRET, of its
 * AUTH_ISSUER, and for its AUTH_AUDIENCE.
 */

const HELP = `Usage: npm run token -- --user <id> [--hours <n>]
       npm run token -- --service [--hours <n>]

Prints a bearer token that is good for a day, or for so many hours. It needs AUTH=jwt and AUTH_SECRET, those of the
service that is to take it.`;

interface Wish {
  readonly claims: Readonly<Record<string, unknown>>;
  readonly hours: number;
}

/** What the arguments ask for, or a sentence that says what is wrong with them. */
function wishOf(args: string[]): Wish | string {
  const options = {
    user: { type: 'string' },
    service: { type: 'boolean' },
    hours: { type: 'string' },
  } as const;
  let values;
  try {
    ({ values } = parseArgs({ args, options }));
  } catch (error) {
    return (error as Error).message;
  }
  const { user, service = false, hours = '24' } = values;
  if ((user !== undefined) === service) return 'Either --user or --service must be there.';
  if (!/^[1-9]\d{0,4}$/.test(hours)) return '--hours must be a whole number from 1.';
  if (service) return { claims: { scope: SERVICE_SCOPE }, hours: Number(hours) };
  if (userIdFrom(user ?? '') === null) return '--user must be a user id.';
  return { claims: { sub: user }, hours: Number(hours) };
}

async function tokenFor({ claims, hours }: Wish, { tokens }: AccessOptions): Promise<string | null> {
  if (tokens === null || !('secret' in tokens.signatures)) return null;
  const { issuer, audience, signatures } = tokens;
  const now = Math.floor(Date.now() / 1000);
  const payload = {
    ...claims,
    ...(issuer !== null && { iss: issuer }),
    ...(audience !== null && { aud: audience }),
    iat: now,
    exp: now + hours * 3600,
  };
  return new SignJWT(payload)
    .setProtectedHeader({ alg: signatures.algorithms[0] ?? 'HS256', typ: 'JWT' })
    .sign(new TextEncoder().encode(signatures.secret));
}

async function main(args: string[]): Promise<number> {
  if (args.includes('--help')) {
    console.log(HELP);
    return 0;
  }
  const wish = wishOf(args);
  if (typeof wish === 'string') {
    console.error(`${wish}\n\n${HELP}`);
    return 2;
  }
  try {
    const { accessPolicy } = readConfig(process.env, (path) => readFileSync(path, 'utf8'));
    const token = await tokenFor(wish, accessPolicy);
    if (token !== null) {
      console.log(token);
      return 0;
    }
    console.error(
      accessPolicy.tokens === null
        ? 'AUTH is none, so that no token is asked for: set AUTH=jwt and AUTH_SECRET, here and for the service.'
        : 'The service takes tokens of a key set, whose keys are not here: set AUTH_SECRET instead, or ask its issuer.',
    );
    return 1;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(error.message);
    return 1;
  }
}

process.exitCode = await main(process.argv.slice(2));
