import type { Bindings } from './adapters/edge/platform.ts';
import { durableObjectFor } from './adapters/edge/durable-object-routing.ts';

export { MessengerObject } from './composition/messenger-object.ts';

/** Outside of the objects nothing is kept and nothing is opened: requests go on as they came. */
export default {
  fetch: (request: Request, bindings: Bindings): Promise<Response> =>
    durableObjectFor(bindings).fetch(request),
};
