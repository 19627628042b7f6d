import { runClientChecks } from './checks.ts';

/*
 * Runs the checks of the client on this host. A page or a program loads it, and then calls `runClientChecks` on the global
 * object with the address of a service: `await runClientChecks({ baseUrl })`. On Node, Bun and Deno the address may also be
 * the first argument; the results are then printed as JSON.
 */

Object.assign(globalThis, { runClientChecks });

const { process } = globalThis as { process?: { readonly argv: readonly string[] } };
const baseUrl = process?.argv[2];
if (baseUrl?.startsWith('http')) console.log(JSON.stringify(await runClientChecks({ baseUrl })));
