import { AssertionError } from 'node:assert/strict';
import { describe, expect, test } from 'vitest';
import type { Contract } from '../contracts/contract.ts';
import { sendRequest, type Fetch } from './client.ts';
import { accessContract, RESTRICTED, routeAccessContract } from './contract/access.ts';
import { documented, makeFindOperation } from './documented.ts';
import { guarded, openGuardedApp, tokenOf, type Guarded } from './guarded-app.ts';
import { openApp } from './open-app.ts';
import { openApiDocument } from './operations.ts';

const CLAUSES = Object.entries<Contract<Guarded>[string]>({ ...accessContract, ...routeAccessContract });

/** The clauses that call an operation for a caller who gets a 403 or 404, by operation. */
const refusing = new Map<string, Set<string>>();

/** The clauses that have caught a mutant. */
const proven = new Set<string>();

function open(onResponse?: (operationId: string, status: number) => void): Fetch {
  const app = openGuardedApp();
  return documented(async (request) => app.fetch(request), openApiDocument, onResponse);
}

describe('access, without a port', () => {
  test.each(CLAUSES)('%s', async (clause, check) => {
    const note = (operationId: string, status: number): void => {
      if (status !== 403 && status !== 404) return;
      refusing.set(operationId, (refusing.get(operationId) ?? new Set()).add(clause));
    };
    await check(guarded(open(note)));
  });
});

const findOperation = makeFindOperation(openApiDocument);

test.each(RESTRICTED.map(({ operationId }) => operationId))(
  'a clause catches an app in which every user calls %s as a service',
  async (name) => {
    const mutant = asService(
      '',
      (request) => hasToken(request) && findOperation(request)?.operationId === name,
    );
    const caught: string[] = [];
    for (const [clause, check] of CLAUSES) {
      if (refusing.get(name)?.has(clause) && (await catches(check, mutant))) caught.push(clause);
    }
    for (const clause of caught) proven.add(clause);
    expect(caught, 'no clause calls it without permission, or none checks the response').not.toEqual([]);
  },
);

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

/** Whether the clause fails for the mutant, by an assertion. */
function catches(check: Contract<Guarded>[string], { open: openMutant }: AccessMutant): Promise<boolean> {
  return check(guarded(openMutant())).then(
    () => false,
    (error: unknown) => error instanceof AssertionError,
  );
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

/** Mutants besides those in which an operation has no access rule. A clause that catches none of those needs one here. */
const MUTANTS: Readonly<Partial<Record<keyof typeof accessContract, readonly AccessMutant[]>>> = {
  'every request without a token is refused': [
    {
      how: 'requires no token',
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
      asService('accepts anyone with a cursor', (request) => isGet(request) && goesTo(/cursor=/)(request)),
      asService('shows everyone later pages', goesTo(/page=/)),
      altering(
        'responds 403 for a conversation of others',
        (request, { status }) => status === 404 && goesTo(/page=2/)(request),
        withStatus(403),
      ),
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
  'a conversation is marked as read by its participants, for themselves': [
    altering(
      'responds 403 for a conversation that does not exist',
      (request, { status }) => status === 404 && goesTo(/\/read$/)(request),
      withStatus(403),
    ),
    altering('requires the reader in the body', goesTo(/\/read$/), withStatus(400)),
  ],
  'a message is changed by its sender or a service; other participants get a 403, and others the same 404': [
    altering(
      'responds 403 to everyone else',
      (request, { status }) => status === 404 && goesTo(/\/messages\/[^/]+$/)(request),
      withStatus(403),
    ),
  ],
  'a group is for its members, as themselves; its creator removes others, one who has left reads it up to then, and others get the same 404':
    [
      altering(
        'responds 403 to non-members',
        (request, { status }) => status === 404 && goesTo(/\/participants\//)(request),
        withStatus(403),
      ),
    ],
  'only the owner lists events': [altering('shows no one any events', goesTo(/\/events\//), withStatus(403))],
  'a user saves their own username, and everyone can read it': [
    altering('shows a user only to themselves', goesTo(/\/users\//), withStatus(403)),
  ],
};

for (const [clause, check] of CLAUSES) {
  for (const mutant of MUTANTS[clause as keyof typeof MUTANTS] ?? []) {
    test(`“${clause}” catches an app that ${mutant.how}`, async () => {
      expect(await catches(check, mutant)).toBe(true);
      proven.add(clause);
    });
  }
}

test('every clause catches a mutant', () => {
  expect(CLAUSES.map(([clause]) => clause).filter((clause) => !proven.has(clause))).toEqual([]);
});

test('the body of an unauthenticated request is not read', async () => {
  const body = new ReadableStream(
    {
      pull: () => {
        throw new Error('The body was read.');
      },
    },
    { highWaterMark: 0 },
  );
  const answer = await sendRequest(open(), 'POST', '/api/messages', { body });
  expect(answer.status).toBe(401);
});
