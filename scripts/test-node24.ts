import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { delimiter, dirname, join } from 'node:path';
import { installRuntimes, runtimes } from '../test/runtimes/runtimes.ts';
import { projectFolder } from './local-cassandra/project.ts';

/**
 * `npm run test:node24`: runs the unit and HTTP tests on Node 24, the version in the image. Node is installed from its npm
 * package, for Linux on x64.
 */
installRuntimes();
const { program } = runtimes().find(({ name }) => name === 'Node 24')!.command;
const test = join(projectFolder, 'scripts', 'test.ts');
const child = spawn(program, ['--import', 'tsx', test, '--only', 'unit', '--only', 'http'], {
  cwd: projectFolder,
  stdio: ['ignore', 'inherit', 'inherit'],
  env: { ...process.env, PATH: [dirname(program), process.env['PATH']].join(delimiter) },
});
const [code] = (await once(child, 'close')) as [number | null];
process.exitCode = code ?? 1;
