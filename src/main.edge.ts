import type { Bindings } from './adapters/edge/platform.ts';
import { durableObjectFor } from './adapters/edge/durable-object-routing.ts';

export { MessengerObject } from './composition/messenger-object.ts';

/** A stateless Worker: it forwards each request unchanged to a durable object, which has all connections and state. */
export default {
  fetch: (request: Request, bindings: Bindings): Promise<Response> =>
    durableObjectFor(bindings).fetch(request),
};
