/** Server-sent events out of pieces of text (WHATWG HTML, section 9.2.6). */

export interface ServerEvent {
  id: string;
  name: string;
  data: string;
}

export class EventParser {
  private rest = "";
  private id = "";
  private name = "";
  private data: string[] = [];

  /** Take the next piece; returns the events that are complete by now. */
  push(piece: string): ServerEvent[] {
    const lines = (this.rest + piece).split(/\r\n|\n|\r(?!$)/);
    this.rest = lines.pop() ?? "";
    return lines.flatMap((line) => this.take(line));
  }

  private take(line: string): ServerEvent[] {
    if (line === "") {
      return this.dispatch();
    }
    const [field, value] = fieldOf(line);
    if (field === "data") {
      this.data.push(value);
    } else if (field === "event") {
      this.name = value;
    } else if (field === "id") {
      this.id = value;
    }
    return [];
  }

  private dispatch(): ServerEvent[] {
    const event = { id: this.id, name: this.name || "message", data: this.data.join("\n") };
    const isComplete = this.data.length > 0;
    this.name = "";
    this.data = [];
    return isComplete ? [event] : [];
  }
}

function fieldOf(line: string): [string, string] {
  const colon = line.indexOf(":");
  if (colon < 0) {
    return [line, ""];
  }
  return [line.slice(0, colon), line.slice(colon + 1).replace(/^ /, "")];
}
