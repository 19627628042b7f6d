/* The data about the service in the page. */

/** The address of the service: this script is at `/app/main.js` below it. */
export const baseUrl = new URL('..', import.meta.url).href.replace(/\/$/, '');

/** Whether users sign in with a token. Otherwise they pick a user id. */
export const needsToken = document.documentElement.dataset['auth'] === 'jwt';
