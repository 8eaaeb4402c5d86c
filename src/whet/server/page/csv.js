// csv as RFC 4180 has it, read and written.

export class BadLine extends Error {
  constructor(line, why, values = {}) {
    super(why);
    Object.assign(this, { line, why, values });
  }
}

// The rows of a text, each a list of cells. Quoted cells may have line breaks; a blank line is no row.
export function read(text) {
  const rows = [];
  let row = [], cell = "", line = 1, at = 0, begun = 1;
  const separator = text.slice(0, (text + "\n").search(/[\r\n]/)).includes(",") ? "," : /\t/.test(text) ? "\t" : ",";
  const endRow = () => {
    row.push(cell);
    if (row.length > 1 || row[0] !== "") {
      if (rows.length && row.length !== rows[0].length)
        throw new BadLine(begun, "cells", { found: row.length, expected: rows[0].length });
      rows.push(row);
    }
    row = [];
    cell = "";
  };
  while (at < text.length) {
    const letter = text[at];
    if (letter === '"' && cell === "") {
      const from = line;
      for (at += 1; ; at += 1) {
        if (at >= text.length) throw new BadLine(from, "quote");
        if (text[at] === '"' && text[at + 1] === '"') at += 1;
        else if (text[at] === '"') break;
        if (text[at] === "\n") line += 1;
        cell += text[at];
      }
      at += 1;
      while (at < text.length && !["\r", "\n", separator].includes(text[at])) cell += text[at++];
    } else if (letter === separator) {
      row.push(cell);
      cell = "";
      at += 1;
    } else if (letter === "\n" || letter === "\r") {
      at += letter === "\r" && text[at + 1] === "\n" ? 2 : 1;
      endRow();
      line += 1;
      begun = line;
    } else {
      cell += letter;
      at += 1;
    }
  }
  if (cell !== "" || row.length) endRow();
  return rows;
}

// A cell that a spreadsheet would compute gets an apostrophe in front (OWASP, CSV injection). Numbers stay numbers.
export function written(value) {
  let text = String(value);
  if (typeof value === "string" && /^[\t\r\n ]*[=+\-@\t\r\n＝＋－＠]/.test(text)) text = "'" + text;
  return /[",\r\n]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
}

export function line(cells) {
  return cells.map(written).join(",") + "\r\n";
}
