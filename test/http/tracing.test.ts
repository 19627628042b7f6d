import { describe, expect, test } from 'vitest';
import { ALLOW_ALL } from '../../src/adapters/http/middleware/access-policy.ts';
import { HttpFailure } from '../../src/adapters/http/problems.ts';
import type { TracedResponse, TracedRequest, Tracing } from '../../src/application/ports/tracing.ts';
import { sendRequest, type Fetch } from './client.ts';
import { openApp } from './open-app.ts';

type Step = TracedRequest | TracedResponse | string;

/** Tracing that records its calls in order. */
function recordingTracing(): { tracing: Tracing; steps: Step[] } {
  const steps: Step[] = [];
  return {
    steps,
    tracing: {
      async request(request, answer) {
        steps.push(request);
        steps.push(await answer());
      },
      useCase(name, work) {
        steps.push(name);
        const answer = work();
        answer.then(
          () => steps.push(`${name} answered`),
          () => steps.push(`${name} failed`),
        );
        return answer;
      },
      statementSent: () => () => undefined,
      spanContext: () => null,
    },
  };
}

/** The recorded steps of one request. */
async function stepsOf(
  method: string,
  path: string,
  more: { headers?: Record<string, string>; body?: object } = {},
  accessPolicy = ALLOW_ALL,
): Promise<Step[]> {
  const { tracing, steps } = recordingTracing();
  const app = openApp({ tracing, accessPolicy });
  const fetch: Fetch = async (request) => app.fetch(request);
  await sendRequest(fetch, method, path, more);
  return steps;
}

const request = (method: string, more: Partial<TracedRequest> = {}): TracedRequest => ({
  method,
  scheme: 'http',
  traceparent: undefined,
  tracestate: undefined,
  ...more,
});

describe('a request that is traced', () => {
  test('has a span around its use case, named by the route template', async () => {
    expect(await stepsOf('PUT', '/api/users/ada', { body: { username: 'Ada' } })).toEqual([
      request('PUT'),
      'saveUser',
      'saveUser answered',
      { route: '/api/users/{user_id}', status: 201 },
    ]);
  });

  test('continues the trace of its headers', async () => {
    const headers = {
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      tracestate: 'vendor=1',
    };
    const [started] = await stepsOf('GET', '/api/users/ada', { headers });
    expect(started).toEqual(request('GET', headers));
  });

  test('ends with the error response', async () => {
    expect(await stepsOf('GET', '/api/users/ada')).toEqual([
      request('GET'),
      'getUser',
      'getUser failed',
      { route: '/api/users/{user_id}', status: 404 },
    ]);
  });

  test('ends with the response of a middleware before the route', async () => {
    const accessPolicy = {
      ...ALLOW_ALL,
      authenticate: () => Promise.reject(new HttpFailure('token_missing')),
    };
    expect(await stepsOf('GET', '/api/users/ada', {}, accessPolicy)).toEqual([
      request('GET'),
      { route: '/api/users/{user_id}', status: 401 },
    ]);
  });

  test('without a route has no template', async () => {
    expect(await stepsOf('GET', '/api/ada')).toEqual([request('GET'), { route: null, status: 404 }]);
    expect(await stepsOf('DELETE', '/api/users/ada')).toEqual([
      request('DELETE'),
      { route: null, status: 405 },
    ]);
  });
});

test.each(['/livez', '/readyz', '/docs', '/openapi.json'])('%s is not traced', async (path) => {
  expect(await stepsOf('GET', path)).toEqual([]);
});
