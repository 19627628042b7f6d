import type { ConnectionState } from 'cassandra-messenger-client';
import { useIsOnline } from '../use-is-online.ts';

const TEXTS: Readonly<Record<ConnectionState, string | null>> = {
  connecting: null,
  live: null,
  polling: 'Live updates are limited. New messages may arrive a little later.',
  offline: 'No connection. Your messages are sent as soon as it is back.',
};

/** Says that the connection is lost or limited. It is always present, so that screen readers announce its changes. */
export function ConnectionBanner({ state }: { state: ConnectionState }) {
  const isOnline = useIsOnline();
  return (
    <div class="connection-banner" role="status">
      {TEXTS[isOnline ? state : 'offline']}
    </div>
  );
}
