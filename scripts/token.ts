import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { SignJWT } from 'jose';
import { SERVICE_SCOPE } from '../src/adapters/http/middleware/authentication.ts';
import { ConfigError, readConfig } from '../src/composition/config.ts';
import type { AccessOptions } from '../src/composition/access-config.ts';
import { userIdFrom } from '../src/domain/ids.ts';

/*
 * Prints a token for development that a service with the same environment accepts: signed with AUTH_SECRET, with
 * AUTH_ISSUER and AUTH_AUDIENCE if they are set.
 */

const HELP = `Usage: npm run token -- --user <id> [--hours <n>]
       npm run token -- --service [--hours <n>]

Prints a bearer token that is valid for 24 hours, or for --hours. AUTH=jwt and AUTH_SECRET must be set as for the
service.`;

interface TokenRequest {
  readonly claims: Readonly<Record<string, unknown>>;
  readonly hours: number;
}

/** The requested token, or an error message for people. */
function requestOf(args: string[]): TokenRequest | string {
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
  if ((user !== undefined) === service) return 'Give either --user or --service.';
  if (!/^[1-9]\d{0,4}$/.test(hours)) return '--hours must be a whole number from 1.';
  if (service) return { claims: { scope: SERVICE_SCOPE }, hours: Number(hours) };
  if (userIdFrom(user ?? '') === null) return '--user must be a user id.';
  return { claims: { sub: user }, hours: Number(hours) };
}

async function tokenFor({ claims, hours }: TokenRequest, { tokens }: AccessOptions): Promise<string | null> {
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
  const request = requestOf(args);
  if (typeof request === 'string') {
    console.error(`${request}\n\n${HELP}`);
    return 2;
  }
  try {
    const { accessPolicy } = readConfig(process.env, (path) => readFileSync(path, 'utf8'));
    const token = await tokenFor(request, accessPolicy);
    if (token !== null) {
      console.log(token);
      return 0;
    }
    console.error(
      accessPolicy.tokens === null
        ? 'AUTH is none, so requests need no token. Set AUTH=jwt and AUTH_SECRET, here and for the service.'
        : 'The service verifies tokens with the public keys of the issuer (JWKS), so only the issuer can sign them. Get a token there.',
    );
    return 1;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(error.message);
    return 1;
  }
}

process.exitCode = await main(process.argv.slice(2));
