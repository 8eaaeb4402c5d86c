// An answer as elements. Texts and labels are only ever text content.
import { say } from "./words.js";

const MOST_BARS = 30;
const NEAR_NOTHING = 0.02; // of the heaviest word

export function made(name, className = "", text = "") {
  const element = document.createElement(name);
  element.className = className;
  element.textContent = text;
  return element;
}

export function percent(share) {
  return new Intl.NumberFormat(document.documentElement.lang, {
    style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1,
  }).format(share);
}

export function number(value) {
  return new Intl.NumberFormat(document.documentElement.lang, { maximumFractionDigits: 3 }).format(value);
}

// What is said of an answer, in short, and how sure it is.
export function told(answer) {
  if ("value" in answer) return [number(answer.value), ""];
  const all = Object.keys(answer.probabilities).length;
  if ("labels" in answer) {
    const names = answer.labels.join(", ");
    return [names || say("none"), say("of several", { count: answer.labels.length, all })];
  }
  if (answer.label === null) return [say("unsure"), say("unsure of", { share: percent(answer.score) })];
  return [answer.label, say("sure", { share: percent(answer.score) })];
}

export function bars(answer) {
  const chosen = new Set(answer.labels ?? [answer.label]);
  const shares = Object.entries(answer.probabilities ?? {}).sort((one, other) => other[1] - one[1]);
  return shares.slice(0, MOST_BARS).map(([label, share]) => {
    const item = made("li", chosen.has(label) ? "chosen" : "");
    const name = made("span", "", label);
    name.dir = "auto";
    const bar = document.createElement("progress");
    bar.value = share;
    bar.setAttribute("aria-hidden", "true"); // the share stands beside it
    item.append(name, bar, made("span", "share", percent(share)));
    return item;
  });
}

// A text with its words tinted by their weights.
export function tinted(text, words, most) {
  // Places are counted in code points, as Python does.
  const letters = [...text];
  const parts = [];
  let at = 0;
  for (const { start, end, weight } of words) {
    parts.push(letters.slice(at, start).join(""));
    const part = letters.slice(start, end).join("");
    const share = most > 0 ? Math.abs(weight) / most : 0;
    if (share < NEAR_NOTHING) parts.push(part);
    else parts.push(made("mark", `${weight > 0 ? "for" : "against"} w${Math.max(1, Math.ceil(share * 5))}`, part));
    at = end;
  }
  return [...parts, letters.slice(at).join("")];
}

export function explained(answer) {
  const both = [...answer.words, ...(answer.words2 ?? [])];
  const most = Math.max(0, ...both.map((word) => Math.abs(word.weight)));
  const shown = tinted(answer.text, answer.words, most);
  return answer.words2 ? [...shown, "\n\n", ...tinted(answer.text2, answer.words2, most)] : shown;
}
