import { standaloneProblem } from '../../src/adapters/http/problems.ts';
import { EventStreams } from '../../src/adapters/http/event-streams.ts';
import { lingeringClose } from '../../src/adapters/servers/lingering-close.ts';
import { openHttpServer } from '../../src/adapters/servers/node-server.ts';
import type { HttpServer } from '../../src/adapters/servers/server.ts';
import type { Storage } from '../../src/application/ports/storage.ts';
import { bundleWeb } from '../../scripts/web/bundle.ts';
import { projectFolder } from '../../scripts/local-cassandra/project.ts';
import { openGuardedApp } from '../http/guarded-app.ts';
import { openApp } from '../http/open-app.ts';
import { memoryStorage } from '../support/memory-storage.ts';

/** The service with the web client, over TCP. */
export interface Service {
  /** The address; the same after `start`. */
  readonly url: string;
  readonly storage: Storage;
  /** Ends all streams and connections. The data stay. */
  stop(): Promise<void>;
  /** Serves again, at the same address. */
  start(): Promise<void>;
}

/** Starts the service with memory storage. `needsToken`: with authentication. `publicPath`: as behind a proxy. */
export async function startService({ needsToken = false, publicPath = '' } = {}): Promise<Service> {
  const storage = memoryStorage();
  const files = await bundleWeb(projectFolder);
  const webAssets = (name: string) => Promise.resolve(files.get(name) ?? null);
  const open = needsToken ? openGuardedApp : openApp;

  const serve = async (port: number) => {
    const streams = new EventStreams();
    const app = open({ storage, webAssets, streams, publicPath });
    const server = await openHttpServer({
      host: '127.0.0.1',
      port,
      fetch: lingeringClose((request, peer) => app.fetch(request, peer)),
      refuse: standaloneProblem,
    });
    return { streams, server };
  };

  let running: { streams: EventStreams; server: HttpServer } | null = await serve(0);
  const { url } = running.server;
  return {
    url,
    storage,
    async stop() {
      running?.streams.endAll();
      await running?.server.close();
      running = null;
    },
    async start() {
      running ??= await serve(Number(new URL(url).port));
    },
  };
}
