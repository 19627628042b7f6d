/** A block of a stream of server-sent events. `id` and `data` are undefined if it has no such line. */
export interface Block {
  id?: string;
  data?: string;
}

/**
 * Reads blocks from the text of a stream, which arrives in parts. A block with an `id` and no `data` is returned, too: the
 * service sends its cursor with each heartbeat. (An `EventSource` would not report it.)
 */
export class BlockParser {
  #rest = '';
  #block: Block = {};

  /** The blocks that `part` completes. */
  push(part: string): Block[] {
    const blocks: Block[] = [];
    // A CR at the end may be half of a CRLF.
    const text = this.#rest + part;
    const lines = text.split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line !== '') this.#read(line);
      else {
        if (this.#block.id !== undefined || this.#block.data !== undefined) blocks.push(this.#block);
        this.#block = {};
      }
    }
    return blocks;
  }

  #read(line: string): void {
    const colon = line.indexOf(':');
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (name === 'id') this.#block.id = value;
    if (name === 'data') {
      this.#block.data = this.#block.data === undefined ? value : `${this.#block.data}\n${value}`;
    }
  }
}
