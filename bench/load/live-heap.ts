import v8 from 'node:v8';
import vm from 'node:vm';

/*
 * Loaded into a measured server: collects garbage on SIGUSR2 and sends the bytes of the heap that are alive to the parent.
 */

v8.setFlagsFromString('--expose-gc');
const collectGarbage = vm.runInNewContext('gc') as () => void;

process.on('SIGUSR2', () => {
  collectGarbage();
  process.send?.({ liveHeap: process.memoryUsage().heapUsed });
});
