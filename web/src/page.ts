/* What the service says about itself in the page. */

/** The address of the service: this script is at `/app/main.js` below it. */
export const baseUrl = new URL('..', import.meta.url).href.replace(/\/$/, '');

/** Whether one signs in with a token. Otherwise one picks who one is. */
export const needsToken = document.documentElement.dataset['auth'] === 'jwt';
