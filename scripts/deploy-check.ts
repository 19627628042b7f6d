import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withFault, runChecks, titleOf, type Fault } from './checks.ts';
import { CHECKS, DEPLOYED, type Check } from './deploy-check/checks.ts';
import { installTools, toolsMissing } from './deploy-check/tools.ts';
import { projectFolder } from './local-cassandra/project.ts';

/*
 * `npm run deploy:check`: checks Dockerfile, compose, workflows, manifests and scripts with a tool for each. Then it runs
 * each tool on copies with injected errors, which the tool must find.
 */
process.exitCode = await runChecks(await toolsMissing(), async (report) => {
  await installTools();
  for (const [name, check] of Object.entries(CHECKS)) {
    const { code, output } = await inCopy(check.run);
    report(name, code === 0 ? null : output || 'The check failed without output.');
    for (const fault of check.faults) report(`${name}: ${titleOf(fault)}`, await missedFault(check, fault));
  }
});

/** Why a check does not find an injected error; null if it does. */
function missedFault(check: Check, fault: Fault): Promise<string | null> {
  return inCopy(async (tree) => {
    const file = join(tree, fault.file);
    writeFileSync(file, withFault(readFileSync(file, 'utf8'), fault));
    const { code, output } = await check.run(tree);
    if (code === 0) return 'The check reports no error.';
    return fault.found.test(output) ? null : `Its output does not match ${fault.found}:\n${output}`;
  });
}

/** Runs `act` on a temporary copy of the deployed files. */
async function inCopy<Result>(act: (tree: string) => Promise<Result>): Promise<Result> {
  const tree = mkdtempSync(join(tmpdir(), 'messenger-deploy-'));
  try {
    for (const path of DEPLOYED) cpSync(join(projectFolder, path), join(tree, path), { recursive: true });
    return await act(tree);
  } finally {
    rmSync(tree, { recursive: true });
  }
}
