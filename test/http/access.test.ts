import { AssertionError } from 'node:assert/strict';
import { describe, expect, test } from 'vitest';
import { describeContract } from '../support/describe-contract.ts';
import type { Contract } from '../contracts/contract.ts';
import { ask, type Fetch } from './client.ts';
import { accessContract } from './contract/access.ts';
import { documented } from './documented.ts';
import { guarded, openGuardedApp, tokenOf, type Guarded } from './guarded-app.ts';
import { openApp } from './open-app.ts';
import { API_REQUESTS, openApiDocument } from './operations.ts';

/** The operations that everyone with a token may call with any arguments. */
const UNRESTRICTED = ['getUser'];

/** The operations that a clause calls for a caller who gets a refusal. */
const refused = new Set<string>();

function open(): Fetch {
  const app = openGuardedApp();
  return documented(
    async (request) => app.fetch(request),
    openApiDocument,
    (operationId, status) => {
      if (status === 403 || status === 404) refused.add(operationId);
    },
  );
}

describeContract<Guarded>('access, without a port', accessContract, () => guarded(open()));

test('every operation under /api has a clause that calls it without permission', () => {
  const restricted = API_REQUESTS.filter(({ operationId }) => !UNRESTRICTED.includes(operationId));
  const missing = restricted.filter(({ operationId }) => !refused.has(operationId));
  expect(missing.map(({ operationId }) => operationId)).toEqual([]);
});

/** An app that allows too much or too little, and a description of its fault. */
interface AccessMutant {
  readonly how: string;
  readonly open: () => Fetch;
}

/** Forwards a request with a service token if `applies`. */
function asService(how: string, applies: (request: Request) => boolean): AccessMutant {
  return {
    how,
    open: () => {
      const fetch = open();
      return async (request) => {
        if (!applies(request)) return fetch(request);
        const token = await tokenOf({ scope: 'messenger:service' });
        request.headers.set('Authorization', `Bearer ${token}`);
        return fetch(request);
      };
    },
  };
}

/** Changes the response if `isMeant`. */
function altering(
  how: string,
  isMeant: (request: Request, response: Response) => boolean,
  change: (response: Response) => Response,
): AccessMutant {
  return {
    how,
    open: () => {
      const fetch = open();
      return async (request) => {
        const response = await fetch(request);
        return isMeant(request, response) ? change(response) : response;
      };
    },
  };
}

const claimsOf = (request: Request): string => {
  const [, claims = ''] = request.headers.get('Authorization')?.split('.') ?? [];
  return Buffer.from(claims, 'base64url').toString();
};
const isGet = ({ method }: Request) => method === 'GET';
const hasToken = (request: Request) => claimsOf(request) !== '';
const goesTo = (pattern: RegExp) => (request: Request) => hasToken(request) && pattern.test(request.url);
const withStatus = (status: number) => (response: Response) =>
  new Response(response.body, { status, headers: response.headers });

const MUTANTS: Readonly<Record<keyof typeof accessContract, readonly [AccessMutant, ...AccessMutant[]]>> = {
  'every request without a token is refused': [
    {
      how: 'asks nobody for a token',
      open: () => {
        const app = openApp();
        return async (request) => app.fetch(request);
      },
    },
    asService(
      'accepts any Authorization header',
      (request) => request.headers.has('Authorization') && !hasToken(request),
    ),
    altering(
      'sends no WWW-Authenticate header',
      (_, { status }) => status === 401,
      (response) =>
        new Response(response.body, { status: 401, headers: { 'Content-Type': 'application/problem+json' } }),
    ),
  ],
  'participants see the conversation, by every route': [
    altering('shows no second page', goesTo(/cursor=/), withStatus(404)),
  ],
  'non-participants get the same bytes as for a conversation that does not exist, by any route, page or cursor':
    [
      asService('shows everyone a conversation', goesTo(/\/api\/conversations\/[^/]{36}$/)),
      asService('accepts anyone with a cursor', (request) => isGet(request) && goesTo(/cursor=/)(request)),
      asService('shows everyone the messages before a time', goesTo(/\/before/)),
      asService('shows everyone later pages', goesTo(/page=/)),
      altering(
        'responds 403 for a conversation of others',
        (request, { status }) => status === 404 && goesTo(/page=2/)(request),
        withStatus(403),
      ),
    ],
  'the default sender is the caller, and a user cannot send as another user': [
    asService('treats everyone as a service', goesTo(/\/api\/messages$/)),
    asService('treats everyone as a service on one of its paths', goesTo(/\/send$/)),
  ],
  'a service names the sender': [
    {
      how: 'uses a default sender for services',
      open: () => {
        const fetch = open();
        return async (request) => {
          if (!isGet(request) && claimsOf(request).includes('service')) {
            const { sender_id = 'backend', ...said } = (await request.clone().json()) as Record<
              string,
              unknown
            >;
            return fetch(new Request(request, { body: JSON.stringify({ sender_id, ...said }) }));
          }
          return fetch(request);
        };
      },
    },
  ],
  'a key belongs to its sender': [
    asService('skips the sender check if there is a key', ({ headers }) => headers.has('Idempotency-Key')),
  ],
  'only the owner lists an inbox, and only a participant starts a conversation': [
    asService('shows everyone every inbox', goesTo(/\/user\//)),
    asService('starts a conversation for anyone', goesTo(/\/api\/conversations$/)),
  ],
  'a conversation is marked as read by its participants, for themselves': [
    asService('marks for any reader', goesTo(/\/read$/)),
    altering(
      'responds 403 for a conversation that does not exist',
      (request, { status }) => status === 404 && goesTo(/\/read$/)(request),
      withStatus(403),
    ),
    altering('requires the reader in the body', goesTo(/\/read$/), withStatus(400)),
  ],
  'a message is changed by its sender or a service; other participants get a 403, and others the same 404': [
    asService(
      'shows everyone a message',
      (request) => isGet(request) && goesTo(/\/messages\/[^/]+$/)(request),
    ),
    asService('lets everyone edit', (request) => request.method === 'PATCH' && hasToken(request)),
    altering(
      'responds 403 to everyone else',
      (request, { status }) => status === 404 && goesTo(/\/messages\/[^/]+$/)(request),
      withStatus(403),
    ),
  ],
  'a group is for its members, and one who has left may only read it up to then': [
    asService('lets everyone change members', goesTo(/\/participants\//)),
    asService('lets everyone name a group', (request) => request.method === 'PATCH' && hasToken(request)),
    asService('shows everyone the history', goesTo(/\/api\/messages\/conversation\//)),
    altering(
      'responds 403 to non-members',
      (request, { status }) => status === 404 && goesTo(/\/participants\//)(request),
      withStatus(403),
    ),
  ],
  'a group is changed by its members, as themselves; only its creator removes others, and others get the same 404':
    [
      asService('lets everyone add members', goesTo(/\/participants\//)),
      asService('lets everyone send to a group', goesTo(/\/conversations\/[^/]+\/messages$/)),
    ],
  'only the owner lists events': [
    asService('shows everyone all events', goesTo(/\/events\//)),
    altering('shows no one any events', goesTo(/\/events\//), withStatus(403)),
  ],
  'a user saves their own username, and everyone can read it': [
    asService('saves any user for anyone', goesTo(/\/users\//)),
    altering('shows a user only to themselves', goesTo(/\/users\//), withStatus(403)),
  ],
};

for (const [clause, check] of Object.entries<Contract<Guarded>[string]>(accessContract)) {
  describe(`“${clause}”`, () => {
    for (const { how, open: openMutant } of MUTANTS[clause as keyof typeof MUTANTS]) {
      test(`catches an app that ${how}`, async () => {
        await expect(check(guarded(openMutant()))).rejects.toBeInstanceOf(AssertionError);
      });
    }
  });
}

test('the body of an unauthenticated request is not read', async () => {
  const body = new ReadableStream(
    {
      pull: () => {
        throw new Error('The body was read.');
      },
    },
    { highWaterMark: 0 },
  );
  const answer = await ask(open(), 'POST', '/api/messages', { body });
  expect(answer.status).toBe(401);
});
