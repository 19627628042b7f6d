import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CHECKS, DEPLOYED, type Check, type FieldError } from './deploy-check/checks.ts';
import { installTools, toolsMissing } from './deploy-check/tools.ts';
import { projectFolder } from './local-cassandra/project-folder.ts';

/**
 * `npm run deploy:check`: the image's recipe, compose, workflows, manifests and scripts, looked at by the tools that
 * know them; and each tool again on copies with a fault planted in them, which it must find.
 */
async function main(): Promise<number> {
  const missing = await toolsMissing();
  if (missing !== null) {
    const isFailure = process.env['CI'] === 'true';
    console.error(`NOTHING WAS CHECKED: ${missing}`);
    console.log(`0 passed, ${isFailure ? 1 : 0} failed`);
    return isFailure ? 1 : 0;
  }
  await installTools();

  let passed = 0;
  let failed = 0;
  const note = (name: string, flaw: string | null): void => {
    if (flaw === null) passed += 1;
    else failed += 1;
    console.log(`  ${flaw === null ? 'ok    ' : 'FAILED'}  ${name}${flaw === null ? '' : `\n${flaw}`}`);
  };
  for (const [name, check] of Object.entries(CHECKS)) {
    const { code, output } = await inCopy(check.look);
    note(name, code === 0 ? null : output);
    for (const fault of check.faults) note(`${name} finds: ${titleOf(fault)}`, await flawOf(check, fault));
  }
  console.log(`\n${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

/** Why a check does not find a fault; null where it does. */
function flawOf(check: Check, { file, from, to, found }: FieldError): Promise<string | null> {
  return inCopy(async (tree) => {
    const text = readFileSync(join(tree, file), 'utf8');
    if (!text.includes(from)) return `${file} does not hold: ${from}`;
    writeFileSync(join(tree, file), text.replaceAll(from, to));
    const { code, output } = await check.look(tree);
    if (code === 0) return 'It finds nothing.';
    return found.test(output) ? null : `It says something else than ${found}:\n${output}`;
  });
}

/** Does something with a copy of what is deployed, which is then deleted. */
async function inCopy<Result>(act: (tree: string) => Promise<Result>): Promise<Result> {
  const tree = mkdtempSync(join(tmpdir(), 'messenger-deploy-'));
  try {
    for (const path of DEPLOYED) cpSync(join(projectFolder, path), join(tree, path), { recursive: true });
    return await act(tree);
  } finally {
    rmSync(tree, { recursive: true });
  }
}

function titleOf({ file, from, to }: FieldError): string {
  return `${file} with ${JSON.stringify(to)} for ${JSON.stringify(from)}`;
}

process.exitCode = await main();
