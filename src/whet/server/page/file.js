// A csv, answered some rows at a time.
import { askPatiently, reason } from "./asking.js";
import { BadLine, line, read } from "./csv.js";
import { say } from "./words.js";

const $ = (id) => document.getElementById(id);
const MOST_MB = 50;
const CHARACTERS = 150_000; // of a request: below the server's limit whatever the letters are

let rows = [], model, stopping;

export function readyFor(labels) {
  model = labels;
  $("pair-column").hidden = !labels.pair;
}

export function listen() {
  $("csv").addEventListener("change", () => take($("csv").files[0]));
  $("drop").addEventListener("dragover", (event) => { event.preventDefault(); $("drop").classList.add("over"); });
  $("drop").addEventListener("dragleave", () => $("drop").classList.remove("over"));
  $("drop").addEventListener("drop", (event) => {
    event.preventDefault();
    $("drop").classList.remove("over");
    take(event.dataTransfer.files[0]);
  });
  $("start").addEventListener("click", start);
  $("stop").addEventListener("click", () => stopping?.abort());
}

function complain(text) {
  $("file-fault").textContent = text;
  $("file-fault").hidden = !text;
}

async function take(file) {
  stopping?.abort(); // what is answered is of another file
  stopping = undefined;
  complain("");
  for (const id of ["columns", "progress", "download"]) $(id).hidden = true;
  $("start").hidden = false;
  if (!file) return;
  if (file.size > MOST_MB * 2 ** 20) return complain(say("too large", { size: MOST_MB }));
  try {
    rows = read(new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer()));
  } catch (fault) {
    return complain(fault instanceof BadLine
      ? say("bad csv", { line: fault.line, why: say(fault.why, fault.values) }) : say("not utf-8"));
  }
  if (rows.length < 2) return complain(say("no rows"));
  offer();
}

function offer() {
  const names = rows[0];
  const longest = names.map((_, at) => rows.slice(1, 200).reduce((sum, row) => sum + row[at].length, 0));
  const order = [...names.keys()].sort((one, other) => longest[other] - longest[one]);
  const known = names.findIndex((name) => /^(text|sentence|review|document|content|텍스트|문장|리뷰)1?$/i.test(name.trim()));
  for (const [id, chosen] of [["column", known >= 0 ? known : order[0]], ["column2", order.find((at) => at !== (known >= 0 ? known : order[0])) ?? 0]]) {
    $(id).replaceChildren(...names.map((name, at) => new Option(name, String(at), at === chosen, at === chosen)));
  }
  $("columns").hidden = false;
  $("start").focus();
}

// The ends of the portions that are sent.
function* portions(rows, first, second) {
  for (let start = 1; start < rows.length; ) {
    let end = start, size = 0;
    while (end < rows.length && end - start < model.texts) {
      size += rows[end][first].length + (second === null ? 0 : rows[end][second].length);
      if (size > CHARACTERS && end > start) break;
      end += 1;
    }
    yield [start, end];
    start = end;
  }
}

async function start() {
  complain("");
  const first = Number($("column").value), second = model.pair ? Number($("column2").value) : null;
  const mine = new AbortController(), taken = rows, all = rows.length - 1; // another file may be chosen meanwhile
  let done = 0, answered = line([...rows[0], ...header()]);
  stopping = mine;
  show(done, all);
  $("progress").hidden = $("stop").hidden = false;
  $("download").hidden = $("start").hidden = true;
  try {
    for (const [from, to] of portions(taken, first, second)) {
      const part = taken.slice(from, to);
      const body = { texts: part.map((row) => row[first]) };
      if (second !== null) body.texts2 = part.map((row) => row[second]);
      const wait = () => { $("done").textContent = say("waiting"); };
      const { predictions } = await askPatiently("/predict", body, mine.signal, wait);
      part.forEach((row, at) => { answered += line([...row, ...cells(predictions[at])]); });
      show((done += part.length), all);
    }
  } catch (fault) {
    if (stopping !== mine) return;
    if (fault.name === "AbortError") $("done").textContent = say("stopped", { done, all });
    else complain(reason(fault));
  }
  if (stopping === mine) finish(done, answered);
}

function show(done, all) {
  $("bar").value = done / all;
  $("done").textContent = say("done", { done, all });
}

function finish(done, answered) {
  $("stop").hidden = true;
  $("start").hidden = false;
  if (!done) return;
  URL.revokeObjectURL($("download").href);
  // The mark tells spreadsheets that it is UTF-8.
  $("download").href = URL.createObjectURL(new Blob(["\ufeff", answered], { type: "text/csv;charset=utf-8" }));
  $("download").download = "predictions.csv";
  $("download").textContent = say("download", { done });
  $("download").hidden = false;
  $("download").focus();
}

function header() {
  if (model.task === "regression") return ["value"];
  const shares = model.labels.map((label) => "probability " + label);
  return model.task === "multilabel" ? ["labels", ...shares] : ["label", "score", ...shares];
}

function cells(answer) {
  if (model.task === "regression") return [answer.value];
  const shares = model.labels.map((label) => answer.probabilities[label]);
  if (model.task === "multilabel") return [JSON.stringify(answer.labels), ...shares];
  return [answer.label ?? "", answer.score, ...shares];
}
