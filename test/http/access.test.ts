import { AssertionError } from 'node:assert/strict';
import { describe, expect, test } from 'vitest';
import { describeContract } from '../support/describe-contract.ts';
import type { Contract } from '../contracts/contract.ts';
import { ask, type Fetch } from './client.ts';
import { accessContract } from './contract/access.ts';
import { documented } from './documented.ts';
import { guarded, openGuardedApp, tokenOf, type Guarded } from './guarded-app.ts';
import { openApp } from './open-app.ts';
import { openApiDocument } from './operations.ts';

function open(): Fetch {
  const app = openGuardedApp();
  return documented(async (request) => app.fetch(request), openApiDocument);
}

describeContract<Guarded>('who may what, without a port', accessContract, () => guarded(open()));

/** A door that lets in too much or too little, and how it does. */
interface AccessMutant {
  readonly how: string;
  readonly open: () => Fetch;
}

/** Sends a request on as a service where `applies` says so. */
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

/** Says something else than the messenger where `isMeant`. */
function saying(
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
  'nobody is let in without a token, whatever they ask': [
    {
      how: 'asks nobody for a token',
      open: () => {
        const app = openApp();
        return async (request) => app.fetch(request);
      },
    },
    asService(
      'lets in whoever shows anything',
      (request) => request.headers.has('Authorization') && !hasToken(request),
    ),
    saying(
      'does not say how to ask',
      (_, { status }) => status === 401,
      (response) =>
        new Response(response.body, { status: 401, headers: { 'Content-Type': 'application/problem+json' } }),
    ),
  ],
  'who takes part sees the conversation, by every route': [
    saying('shows no second page', goesTo(/cursor=/), withStatus(404)),
  ],
  'to all others it is not there, by any route, page or cursor: byte by byte as if nobody had begun it': [
    asService('shows everyone a conversation', goesTo(/\/api\/conversations\/[^/]{36}$/)),
    asService('lets in whoever has a cursor', (request) => isGet(request) && goesTo(/cursor=/)(request)),
    asService('shows everyone what was said before a time', goesTo(/\/before/)),
    asService('shows everyone later pages', goesTo(/page=/)),
    saying(
      'forbids what is there',
      (request, { status }) => status === 404 && goesTo(/page=2/)(request),
      withStatus(403),
    ),
  ],
  'who leaves the sender out is the sender, and nobody is another': [
    asService('takes everyone for a service', goesTo(/\/api\/messages$/)),
    asService('takes everyone for a service on one of its paths', goesTo(/\/send$/)),
  ],
  'a service names the sender': [
    {
      how: 'sends under an id of its own for a service',
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
    asService('asks for the key before it asks for the sender', ({ headers }) =>
      headers.has('Idempotency-Key'),
    ),
  ],
  'an inbox is its owner’s, and a conversation its participants’ to start': [
    asService('shows everyone every inbox', goesTo(/\/user\//)),
    asService('starts what anyone asks for', goesTo(/\/api\/conversations$/)),
  ],
  'a conversation is marked as read by its participants, for themselves': [
    asService('marks as it is told', goesTo(/\/read$/)),
    saying(
      'forbids what is not there',
      (request, { status }) => status === 404 && goesTo(/\/read$/)(request),
      withStatus(403),
    ),
    saying('marks nothing for those who leave themselves out', goesTo(/\/read$/), withStatus(400)),
  ],
  'a user is named by themselves, and shown to all': [
    asService('saves any user for anyone', goesTo(/\/users\//)),
    saying('shows a user to themselves alone', goesTo(/\/users\//), withStatus(403)),
  ],
};

for (const [clause, check] of Object.entries<Contract<Guarded>[string]>(accessContract)) {
  describe(`“${clause}”`, () => {
    for (const { how, open: openMutant } of MUTANTS[clause as keyof typeof MUTANTS]) {
      test(`catches a door that ${how}`, async () => {
        await expect(check(guarded(openMutant()))).rejects.toBeInstanceOf(AssertionError);
      });
    }
  });
}

test('nothing of a body is read for someone who is not let in', async () => {
  const body = new ReadableStream(
    {
      pull: () => {
        throw new Error('It was read.');
      },
    },
    { highWaterMark: 0 },
  );
  const answer = await ask(open(), 'POST', '/api/messages', { body });
  expect(answer.status).toBe(401);
});
