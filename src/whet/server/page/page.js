// The page: one text, or pair of texts, at a time, and what was tried before.
import { bars, explained, made, told } from "./answer.js";
import { Refused, ask, reason, use } from "./asking.js";
import * as file from "./file.js";
import { preferred, say, speak } from "./words.js";

const $ = (id) => document.getElementById(id);
const MOST_TRIES = 50;

let model = null, shown = null, tries = [], latest = 0, locked = false;

function choose(lang) {
  $("lang").value = lang;
  speak(lang);
  if (model) describe();
  if (shown) show(shown);
  list();
}

function describe() {
  $("task").textContent = `${model.task} · ${model.labels.slice(0, 6).join(", ")}${model.labels.length > 6 ? " …" : ""}`;
  $("text-label").textContent = say(model.pair ? "first text" : "text");
  $("second").hidden = !model.pair;
  $("text2").required = model.pair;
  $("report").hidden = !model.report || locked;
  $("version").textContent = model.version;
}

function complain(text) {
  $("fault").textContent = text;
  $("fault").hidden = !text;
}

async function begin() {
  try {
    model = await ask("/labels");
    $("locked").hidden = true;
    describe();
    file.readyFor(model);
  } catch (fault) {
    if (!(fault instanceof Refused) || fault.status !== 401) return complain(reason(fault));
    if (locked && $("token").value) complain(say("wrong token"));
    locked = true; // a link cannot send the token, so that there is none to the report
    $("locked").hidden = false;
    $("token").focus();
  }
}

async function predict(event) {
  event.preventDefault();
  complain("");
  const body = { text: $("text").value };
  if (model?.pair) body.text2 = $("text2").value;
  const turn = (latest += 1);
  $("send").disabled = true;
  try {
    // The answer first: that it can be explained takes longer.
    const answer = await ask("/predict", body);
    if (turn !== latest) return;
    shown = answer;
    tries = [answer, ...tries].slice(0, MOST_TRIES);
    show(answer);
    list();
    $("send").disabled = false;
    const found = await ask("/predict", { ...body, explain: true });
    tries = tries.map((each) => (each === answer ? found : each));
    if (shown === answer) {
      shown = found;
      show(found);
    }
  } catch (fault) {
    if (turn === latest) complain(reason(fault));
  } finally {
    $("send").disabled = false;
  }
}

function show(answer) {
  const [label, sure] = told(answer);
  $("label").textContent = label;
  $("sure").textContent = sure;
  $("bars").replaceChildren(...bars(answer));
  $("cut").hidden = !answer.truncated;
  $("why").hidden = !answer.words?.length;
  if (answer.words?.length) {
    $("why-head").textContent = "explained" in answer ? say("why label", { label: answer.explained }) : say("why value");
    $("words").replaceChildren(...explained(answer));
  }
  $("answer").hidden = false;
}

function list() {
  $("past").hidden = tries.length === 0;
  $("tries").replaceChildren(...tries.map((answer) => {
    const item = document.createElement("li"), button = made("button");
    const said = made("span", "said", answer.text2 === undefined ? answer.text : `${answer.text} | ${answer.text2}`);
    said.dir = "auto";
    button.type = "button";
    button.append(said, made("span", "told", told(answer).filter(Boolean).join(" · ")));
    button.addEventListener("click", () => {
      const current = tries.find((each) => each.text === answer.text && each.text2 === answer.text2);
      shown = current;
      $("text").value = current.text;
      $("text2").value = current.text2 ?? "";
      complain("");
      show(current);
      $("text").focus();
    });
    item.append(button);
    return item;
  }));
}

$("ask").addEventListener("submit", predict);
for (const id of ["text", "text2"]) {
  $(id).addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) $("ask").requestSubmit();
  });
}
$("lang").addEventListener("change", () => choose($("lang").value));
$("forget").addEventListener("click", () => { tries = []; list(); $("text").focus(); });
$("unlock").addEventListener("submit", (event) => {
  event.preventDefault();
  complain("");
  use($("token").value);
  begin();
});
file.listen();
choose(preferred());
begin();
